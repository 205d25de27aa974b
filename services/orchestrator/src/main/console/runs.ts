import { type Details, json, Refusal, type Standing, underWay } from "./api";
import { duration, el, every, number, put } from "./dom";
import { type Column, saved } from "./table";

const MOST_COMPARED = 6;

const field = (details: Details | null, name: string): number | null => {
  const value = details?.[name];
  return typeof value === "number" ? value : null;
};

/** Seconds until a run is done, by its last update; null where nobody can say. */
function left(s: Standing): number | null {
  const seconds = field(s.lastUpdate, "update_seconds");
  return s.run.state === "running" && seconds !== null ? seconds * (s.run.updates - s.run.updateDone) : null;
}

/** pass@1 of every set, by its last evaluation. */
function passes(s: Standing): string {
  return Object.entries(s.lastEvaluations)
    .map(([set, e]) => `${set} ${number(field(e, "pass@1"))}`)
    .join(", ");
}

/** The list of runs. */
export function runs(view: HTMLElement, signal: AbortSignal): void {
  const chosen = new Set<string>();
  const list = el("div", { "aria-live": "off" });
  const trouble = el("p", { role: "status", class: "trouble" });
  const compare = el("button", { type: "button", disabled: true }, "Compare");
  compare.addEventListener("click", () => {
    location.hash = `#/compare?runs=${encodeURIComponent([...chosen].join(","))}`;
  });
  const choose = (id: string, on: boolean): void => {
    if (on) chosen.add(id);
    else chosen.delete(id);
    compare.disabled = chosen.size < 2 || chosen.size > MOST_COMPARED;
  };
  const columns: Column<Standing>[] = [
    {
      title: "Compare",
      value: () => null,
      show: (s) =>
        el("input", {
          type: "checkbox",
          id: `compare-${s.run.id}`,
          "aria-label": `Compare ${s.run.id}`,
          checked: chosen.has(s.run.id),
          change: (event) => choose(s.run.id, (event.target as HTMLInputElement).checked),
        }),
    },
    {
      title: "Run",
      value: (s) => s.run.id,
      show: (s) => el("a", { href: `#/runs/${encodeURIComponent(s.run.id)}`, id: `run-${s.run.id}` }, s.run.id),
    },
    {
      title: "State",
      value: (s) => s.run.state,
      show: (s) => el("span", { class: `state ${s.run.state}`, title: s.run.reason }, s.run.state),
    },
    { title: "Method", value: (s) => s.run.method },
    { title: "Update", value: (s) => s.run.updateDone },
    { title: "of", value: (s) => s.run.updates },
    { title: "Reward", value: (s) => field(s.lastUpdate, "reward_mean") },
    { title: "pass@1", value: passes },
    { title: "Tokens/s", value: (s) => (underWay(s.run.state) ? field(s.lastUpdate, "tokens_per_s") : null) },
    {
      title: "Left",
      value: left,
      show: (s) => {
        const seconds = left(s);
        return document.createTextNode(seconds === null ? "–" : duration(seconds));
      },
    },
    { title: "Warnings", value: (s) => s.warnings },
    { title: "Alarm", value: (s) => s.lastAlarm },
  ];
  put(
    view,
    el("h1", {}, "Runs"),
    el("p", {}, compare, ` two to ${MOST_COMPARED} runs that are marked, or begin a `, el("a", { href: "#/new" }, "new run"), "."),
    trouble,
    list,
  );
  let shown = "";
  every(2000, signal, async () => {
    try {
      const all = await json<Standing[]>("api/standings", signal);
      trouble.textContent = "";
      const text = JSON.stringify(all);
      if (text === shown) return;
      shown = text;
      // What is focused stays so when the rows are made again.
      const focused = list.contains(document.activeElement) ? document.activeElement!.id : "";
      put(list, all.length === 0 ? el("p", {}, "There is no run yet.") : saved("runs", "Runs, newest first", columns, all));
      if (focused !== "") document.getElementById(focused)?.focus();
    } catch (failure) {
      if (signal.aborted) return;
      trouble.textContent =
        failure instanceof Refusal ? failure.message : "The orchestrator does not answer; it is asked again.";
    }
  });
}
