import { call, type Details, follow, json, type Link, Refusal, type Run, runPath, underWay } from "./api";
import { duration, el, number, put, waitAfter } from "./dom";
import { Figures } from "./figure";
import { type Axis, AXES, type Note, PICTURES, RunData } from "./rundata";
import { type Column, saved } from "./table";

interface Count {
  purpose: string;
  state: string;
  reason: string;
  rollouts: number;
  tokens: number;
}

const STATES = ["RESERVED", "SAMPLED", "VERIFIED", "ADMITTED", "TRAINED", "CONSUMED", "DROPPED"];

const LINKS: Record<Link, string> = {
  connecting: "connecting",
  live: "live",
  over: "not under way",
  away: "the orchestrator does not answer; what is missed meanwhile is asked for",
};

const LOOK_AGAIN = 2000;
const NOTES_SHOWN = 200;

const DRAW_AT_ONCE = 50;
const DRAW_AGAIN = 200;
/** What was told is seen within a second. */
const DRAW_LATEST = 300;

/** The list behind a label. */
export function choice(id: string, label: string, values: string[], changed: (value: string) => void): HTMLElement {
  const select = el("select", { id, change: () => changed(select.value) }, ...values.map((v) => el("option", { value: v }, v)));
  return el("span", { class: "choice" }, el("label", { for: id }, label), " ", select);
}

/** Pages of a run. */
export function tabs(id: string, current: string): HTMLElement {
  const at = `#/runs/${encodeURIComponent(id)}`;
  const pages: [string, string][] = [
    ["Run", at],
    ["Rollouts", `${at}/rollouts`],
    ["Problems", `${at}/problems`],
  ];
  return el(
    "nav",
    { "aria-label": "Run", class: "tabs" },
    ...pages.map(([name, href]) => el("a", name === current ? { href, "aria-current": "page" } : { href }, name)),
  );
}

/** One run, live. */
export function run(view: HTMLElement, signal: AbortSignal, id: string): void {
  const data = new RunData();
  const figures = new Figures(id, signal);
  const link = el("p", { role: "status", class: "link" }, LINKS.connecting);
  const head = el("div");
  const funnel = el("section");
  const servers = el("section");
  const notes = el("section");
  const settings = el("pre", { tabindex: 0, role: "region", "aria-label": "Settings" });
  const refused = el("p", { role: "alert", class: "trouble" });
  let axis: Axis = "update";
  let k = 1;
  let own = "";
  let known: Run | null = null;
  let dirty = false;
  let told = -1;
  let drawn = 0;
  let rest = 0;

  const act = async (what: string): Promise<void> => {
    refused.textContent = "";
    try {
      known = (await (await call(`${runPath(id)}/${what}`, { method: "POST" })).json()) as Run;
      headline();
    } catch (failure) {
      refused.textContent = failure instanceof Refusal ? failure.message : "The orchestrator does not answer.";
    }
  };
  const stop = el("button", { type: "button", click: () => void act("stop") }, "Stop after this update");
  const resume = el("button", { type: "button", click: () => void act("resume") }, "Resume");

  const headline = (): void => {
    if (known === null) return;
    const pace = data.pace();
    // The events are ahead of the run that was asked for a moment ago.
    const done = Math.max(known.updateDone, data.last()?.update ?? 0);
    const left = underWay(known.state) ? pace * (known.updates - done) : NaN;
    const last = data.last()?.values ?? {};
    stop.hidden = !underWay(known.state);
    resume.hidden = underWay(known.state) || known.state === "finished";
    settings.textContent = known.runFile;
    put(
      head,
      el("p", {}, el("span", { class: `state ${known.state}` }, known.state), ` ${known.method} `, known.reason && `(${known.reason})`),
      el(
        "p",
        {},
        el("label", { for: "progress" }, `Update ${done} of ${known.updates}`),
        " ",
        el("progress", { id: "progress", max: Math.max(1, known.updates), value: done }),
        Number.isNaN(left) ? "" : ` ${duration(left)} left`,
      ),
      el(
        "dl",
        { class: "figures" },
        ...(
          [
            ["Reward", last.reward_mean],
            ["Tokens/s", last.tokens_per_s],
            ["Entropy", last.entropy],
          ] as [string, number | undefined][]
        ).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, number(value)))),
      ),
    );
  };

  const ks = el("span");
  const owns = el("span");
  const draw = (): void => {
    const began = performance.now();
    dirty = false;
    figures.show("pass@k of evaluations", data.passes(k, axis), axis, "evaluations");
    for (const [title, names] of PICTURES) figures.show(title, data.lines(names, axis), axis);
    if (own !== "") figures.show("A number of your choice", data.lines([own], axis), axis, "chosen");
    const counts = data.ks();
    if (ks.dataset.of !== String(counts)) {
      ks.dataset.of = String(counts);
      put(ks, choice("k", "k of pass@k", counts.map(String), (value) => ((k = Number(value)), draw())));
    }
    const all = data.numbers();
    if (owns.dataset.of !== String(all)) {
      owns.dataset.of = String(all);
      put(owns, choice("number", "Any number", ["", ...all], (value) => ((own = value), draw())));
    }
    headline();
    tellServers();
    tellNotes();
    drawn = performance.now();
    rest = Math.min(DRAW_LATEST, waitAfter(DRAW_AGAIN, drawn - began));
  };

  const tellServers = (): void => {
    const columns: Column<Details>[] = [
      { title: "Endpoint", value: (s) => String(s.endpoint ?? "") },
      { title: "Health", value: (s) => (s.problem === undefined ? "well" : String(s.problem)) },
      { title: "Engine", value: (s) => String(s.engine ?? "") },
      { title: "Weight change", value: (s) => String(s.weight_change ?? "") },
      { title: "Policy version", value: () => (data.policy === null ? null : Number(data.policy.policy_version)) },
      { title: "Pause, ms", value: () => (data.policy === null ? null : Number(data.policy.pause_micros) / 1000) },
    ];
    const away = [...data.away].map(([service, reason]) => el("p", { class: "trouble" }, `${service} is away: ${reason}`));
    put(servers, ...away, data.servers.length > 0 && saved(`${id}-servers`, "Servers that sample", columns, data.servers));
  };

  const tellNotes = (): void => {
    if (told === data.notes.length) return;
    told = data.notes.length;
    const columns: Column<Note>[] = [
      { title: "Event", value: (n) => n.number },
      { title: "Time", value: (n) => new Date(n.at).toISOString() },
      { title: "Kind", value: (n) => n.kind },
      { title: "Details", value: (n) => n.text },
    ];
    const last = data.notes.slice(-NOTES_SHOWN).reverse();
    put(notes, last.length > 0 && saved(`${id}-events`, `Other events, the last ${last.length} first`, columns, last));
  };

  const tellFunnel = async (): Promise<void> => {
    const counts = await json<Count[]>(`${runPath(id)}/rollouts/counts`, signal);
    const all = counts.reduce((sum, c) => sum + c.rollouts, 0);
    const bars = STATES.map((state) => {
      const number = counts.filter((c) => c.state === state).reduce((sum, c) => sum + c.rollouts, 0);
      const label = state.toLowerCase();
      return el(
        "p",
        { class: "bar" },
        el("label", { for: `bar-${label}` }, label),
        el("meter", { id: `bar-${label}`, min: 0, max: Math.max(1, all), value: number }),
        el("span", {}, number.toLocaleString("en")),
      );
    });
    const columns: Column<Count>[] = [
      { title: "Purpose", value: (c) => c.purpose },
      { title: "State", value: (c) => c.state.toLowerCase() },
      { title: "Why it ended", value: (c) => c.reason },
      { title: "Rollouts", value: (c) => c.rollouts },
      { title: "Tokens", value: (c) => c.tokens },
    ];
    const open = funnel.querySelector("details")?.open ?? false;
    put(
      funnel,
      el("h2", {}, "Rollouts, where they are"),
      ...bars,
      el("details", { open }, el("summary", {}, "Table"), saved(`${id}-rollouts`, "Rollouts by purpose, state and reason", columns, counts)),
    );
  };

  let wait = LOOK_AGAIN;
  const look = async (): Promise<void> => {
    const began = performance.now();
    known = await json<Run>(runPath(id), signal);
    headline();
    await tellFunnel();
    wait = waitAfter(LOOK_AGAIN, performance.now() - began);
  };
  let looking = 0;
  const lookSoon = (): void => {
    if (looking !== 0) return;
    looking = window.setTimeout(() => {
      looking = 0;
      if (!signal.aborted) look().catch(() => {});
    }, wait);
  };
  signal.addEventListener("abort", () => window.clearTimeout(looking));

  const controls = el(
    "p",
    { class: "controls" },
    choice("axis", "Over", [...AXES], (value) => {
      axis = value as Axis;
      draw();
    }),
    ks,
    owns,
  );
  put(
    view,
    el("h1", {}, id),
    tabs(id, "Run"),
    link,
    head,
    el("p", {}, stop, resume),
    refused,
    el("h2", {}, "Curves"),
    controls,
    figures.element,
    funnel,
    el("h2", {}, "Servers"),
    servers,
    el("h2", {}, "Events"),
    notes,
    el("details", {}, el("summary", {}, "Settings"), settings),
  );
  stop.hidden = true;
  resume.hidden = true;

  const failed = (failure: unknown): void => {
    if (!signal.aborted) refused.textContent = failure instanceof Error ? failure.message : String(failure);
  };
  look().catch((failure) => {
    if (failure instanceof Refusal) failed(failure);
    else lookSoon();
  });
  follow(
    id,
    signal,
    (events) => {
      data.take(events);
      lookSoon();
      if (!dirty) {
        dirty = true;
        // One drawing for what comes close together.
        window.setTimeout(() => !signal.aborted && draw(), Math.max(DRAW_AT_ONCE, drawn + rest - performance.now()));
      }
    },
    (state) => {
      link.textContent = LINKS[state];
      link.className = `link ${state}`;
      if (state !== "away") lookSoon();
    },
  ).catch(failed);
}
