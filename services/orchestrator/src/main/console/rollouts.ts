import { json, Refusal, runPath } from "./api";
import { el, number, put } from "./dom";
import { type Row, rolloutAddress } from "./rollout";
import { tabs } from "./run";
import { type Column, saved } from "./table";

interface Page {
  rollouts: Row[];
  behind: string;
}

/** What rollouts are asked for by: name, label, and what it may be. */
const FIELDS: [string, string, string[] | "text" | "number"][] = [
  ["purpose", "Purpose", ["", "train", "evaluation", "mining", "search", "localization"]],
  ["state", "State", ["", "reserved", "sampled", "verified", "admitted", "trained", "consumed", "dropped"]],
  ["verdict", "Verdict", ["", "pass", "fail"]],
  ["start", "Start", ["", "root", "guided", "reset", "revision"]],
  ["problem", "Problem", "text"],
  ["update", "Update", "number"],
  ["least_tokens", "Tokens from", "number"],
  ["most_tokens", "to", "number"],
  ["least_reward", "Reward from", "number"],
  ["most_reward", "to", "number"],
];

/** Pages of a run's rollouts; what is asked for stands in the address. */
export function rollouts(view: HTMLElement, signal: AbortSignal, id: string, asked: URLSearchParams): void {
  const trouble = el("p", { role: "alert", class: "trouble" });
  const list = el("div");
  const fields = FIELDS.map(([name, label, kind]) => {
    const value = asked.get(name) ?? "";
    const field = Array.isArray(kind)
      ? el(
          "select",
          { id: `by-${name}`, name },
          ...(kind.includes(value) ? kind : [...kind, value]).map((v) => el("option", { value: v, selected: v === value }, v)),
        )
      : el("input", { id: `by-${name}`, name, value, ...(kind === "number" ? { inputmode: "decimal", size: 6 } : { size: 24 }) });
    return el("span", { class: "choice" }, el("label", { for: `by-${name}` }, label), " ", field);
  });
  const form: HTMLFormElement = el(
    "form",
    {
      class: "controls",
      role: "search",
      submit: (event) => {
        event.preventDefault();
        const wanted = new URLSearchParams();
        new FormData(form).forEach((value, name) => {
          if (String(value) !== "") wanted.set(name, String(value));
        });
        location.hash = `#/runs/${encodeURIComponent(id)}/rollouts?${wanted}`;
      },
    },
    ...fields,
    el("button", { type: "submit" }, "Look for"),
  );
  const columns: Column<Row>[] = [
    {
      title: "Rollout",
      value: (r) => r.id,
      show: (r) => el("a", { href: rolloutAddress(id, r.id) }, r.id),
    },
    { title: "Update", value: (r) => (r.update === 0 ? null : r.update) },
    { title: "Purpose", value: (r) => r.purpose },
    { title: "Start", value: (r) => r.start },
    { title: "Problem", value: (r) => r.problem },
    { title: "State", value: (r) => r.state.toLowerCase() },
    { title: "Why it ended", value: (r) => r.reason },
    { title: "Verdict", value: (r) => r.verdict },
    { title: "Reward", value: (r) => r.reward },
    { title: "Tokens", value: (r) => r.tokens },
  ];
  put(view, el("h1", {}, id), tabs(id, "Rollouts"), el("h2", {}, "Rollouts"), form, trouble, list);
  const look = async (): Promise<void> => {
    try {
      const page = await json<Page>(`${runPath(id)}/rollouts?${asked}`, signal);
      const next = new URLSearchParams(asked);
      next.set("behind", page.behind);
      put(
        list,
        page.rollouts.length === 0
          ? el("p", {}, "There is none such.")
          : saved(`${id}-rollouts`, `${number(page.rollouts.length)} rollouts, those of the last update first`, columns, page.rollouts),
        page.behind !== "" &&
          el("p", {}, el("a", { href: `#/runs/${encodeURIComponent(id)}/rollouts?${next}`, id: "more" }, "Further ones")),
      );
    } catch (failure) {
      if (!signal.aborted)
        trouble.textContent = failure instanceof Refusal ? failure.message : "The orchestrator does not answer.";
    }
  };
  void look();
}
