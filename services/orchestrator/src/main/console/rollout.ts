import { type Details, json, Refusal, runPath } from "./api";
import { el, number, put } from "./dom";
import { tabs } from "./run";
import { type Column, saved } from "./table";

export interface Row {
  id: string;
  group: string;
  purpose: string;
  state: string;
  reason: string;
  verdict: string;
  reward: number;
  tokens: number;
  problem: string;
  start: string;
  update: number;
}

export interface Compared {
  row: Row;
  advantage: number | null;
}

interface Story {
  row: Row;
  advantage: number | null;
  said: Details | null;
  group: Compared[];
  reset: Details | null;
  why: string[];
}

export const rolloutAddress = (run: string, rollout: string): string =>
  `#/runs/${encodeURIComponent(run)}/rollouts/${encodeURIComponent(rollout)}`;

/** Columns of rollouts that are compared. */
export function comparedColumns(run: string): Column<Compared>[] {
  return [
    { title: "Rollout", value: (c) => c.row.id, show: (c) => el("a", { href: rolloutAddress(run, c.row.id) }, c.row.id) },
    { title: "State", value: (c) => c.row.state.toLowerCase() },
    { title: "Verdict", value: (c) => c.row.verdict },
    { title: "Reward", value: (c) => c.row.reward },
    { title: "Advantage", value: (c) => c.advantage },
    { title: "Tokens", value: (c) => c.row.tokens },
  ];
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Several rewards of one rollout, as a sentence goes on. */
function rewards(said: unknown): string {
  const all = Object.entries((said ?? {}) as Record<string, number>);
  return all.length === 0 ? "" : `; rewards ${all.map(([name, value]) => `${name} ${number(value)}`).join(", ")}`;
}

/** The prompt, with the oracle's thoughts in it marked where they stand as they are. */
function prompt(whole: string, prefix: string[]): Node[] {
  const out: Node[] = [];
  let from = 0;
  for (const thought of prefix) {
    const at = thought === "" ? -1 : whole.indexOf(thought, from);
    if (at < 0) continue;
    out.push(document.createTextNode(whole.slice(from, at)), el("mark", { class: "oracle" }, thought));
    from = at + thought.length;
  }
  out.push(document.createTextNode(whole.slice(from)));
  return out;
}

/** The response in its thoughts; what was given, apart from what was sampled. Ends count Unicode code points. */
function response(whole: string, ends: number[], given: number): Node[] {
  const points = [...whole];
  const out: Node[] = [];
  const bounds = [...new Set([...ends, given, points.length])].filter((b) => b > 0 && b <= points.length).sort((a, b) => a - b);
  let from = 0;
  for (const to of bounds) {
    const piece = points.slice(from, to).join("");
    const last = ends.includes(to);
    out.push(el("span", { class: `${to <= given ? "own" : "sampled"}${last ? " thought" : ""}` }, piece));
    from = to;
  }
  return out;
}

interface Token {
  place: number;
  logProb: number;
  version: number | null;
}

function tokens(said: Details): Token[] {
  const versions = list(said.policy_versions).flatMap((pair) => {
    const [version, times] = list(pair) as number[];
    return new Array<number>(times ?? 0).fill(version ?? 0);
  });
  return (list(said.log_probs) as number[]).map((logProb, i) => ({ place: i + 1, logProb, version: versions[i] ?? null }));
}

/** One cell a sampled token, the less likely the stronger; what it was stands in its title and in the table behind. */
function strip(name: string, all: Token[], advantage: number | null): HTMLElement {
  const columns: Column<Token>[] = [
    { title: "Sampled token", value: (t) => t.place },
    { title: "Log-prob, nats", value: (t) => t.logProb },
    { title: "Policy version", value: (t) => t.version },
    { title: "Advantage", value: () => advantage },
  ];
  return el(
    "section",
    {},
    el("h3", {}, "Sampled tokens by their log-prob"),
    el(
      "p",
      { class: "strip", role: "img", "aria-label": `${all.length} sampled tokens; the table behind has them` },
      ...all.map((t) => {
        const cell = el("span", {
          class: "cell",
          title: `token ${t.place}: log-prob ${number(t.logProb)}, policy version ${number(t.version)}, advantage ${number(advantage)}`,
        });
        cell.style.opacity = String(Math.min(1, 0.12 - t.logProb / 4));
        return cell;
      }),
    ),
    el("details", {}, el("summary", {}, "Table"), saved(`${name}-tokens`, "Sampled tokens", columns, all)),
  );
}

/** A seed's thoughts, the one that was named, and the suffixes that were sampled instead of what followed. */
function tree(run: string, reset: Details, group: Compared[], said: Details | null): HTMLElement {
  const thoughts = list(reset.thoughts).map(text);
  const named = Number(reset.thought ?? 0);
  const seed = text(reset.rollout);
  const suffixes = said !== null && text(said.seed) === seed ? group : [];
  return el(
    "section",
    {},
    el("h2", {}, "Reset"),
    el("p", {}, "Seed: ", el("a", { href: rolloutAddress(run, seed) }, seed), ` · suffixes ${number(Number(reset.suffixes))}, passed ${number(Number(reset.passes))}`),
    el(
      "ol",
      { class: "thoughts" },
      ...thoughts.map((thought, i) =>
        el(
          "li",
          i + 1 === named ? { class: "named", "aria-current": "step" } : {},
          thought,
          i + 1 === named && el("strong", {}, " ← named; sampled again from here"),
          i + 1 === named &&
            el(
              "ul",
              {},
              ...suffixes.map((c) =>
                el("li", {}, el("a", { href: rolloutAddress(run, c.row.id) }, c.row.id), ` ${c.row.verdict}, advantage ${number(c.advantage)}`),
              ),
            ),
        ),
      ),
    ),
  );
}

/** One rollout: what it said, what it is compared with, and why it counted as it did. */
export function rollout(view: HTMLElement, signal: AbortSignal, run: string, id: string): void {
  const trouble = el("p", { role: "alert", class: "trouble" });
  const body = el("div");
  put(view, el("h1", {}, id), tabs(run, "Rollouts"), trouble, body);
  const look = async (): Promise<void> => {
    const story = await json<Story>(`${runPath(run)}/rollout?rollout=${encodeURIComponent(id)}`, signal);
    const { row, said } = story;
    const whole = text(said?.response);
    const given = Number(said?.given_text_end ?? 0);
    const sampled = said === null ? [] : tokens(said);
    put(
      body,
      el(
        "p",
        {},
        `${row.purpose}, ${row.start || "start unknown"}`,
        row.problem !== "" && ", problem ",
        row.problem !== "" &&
          el("a", { href: `#/runs/${encodeURIComponent(run)}/rollouts?problem=${encodeURIComponent(row.problem)}` }, row.problem),
        row.update > 0 && ", ",
        row.update > 0 && el("a", { href: `#/runs/${encodeURIComponent(run)}/updates/${row.update}` }, `update ${row.update}`),
      ),
      el("h2", {}, "Why"),
      el("ul", { id: "why" }, ...story.why.map((sentence) => el("li", {}, sentence))),
      said === null
        ? el("p", {}, "The run's completions have no text of it: they keep rollouts that were trained and the first sample of every problem of an evaluation.")
        : el(
            "section",
            {},
            el("h2", {}, "Prompt"),
            el("pre", { class: "said", id: "prompt", tabindex: 0, role: "region", "aria-label": "Prompt" }, ...prompt(text(said.prompt), list(said.prefix).map(text))),
            el("h2", {}, "Response"),
            el(
              "p",
              { class: "key" },
              el("mark", { class: "oracle" }, "oracle prefix"),
              " ",
              el("span", { class: "own" }, "own prefix"),
              " ",
              el("span", { class: "sampled" }, "sampled"),
              "; a bar ends a thought",
            ),
            el(
              "pre",
              { class: "said", id: "response", tabindex: 0, role: "region", "aria-label": "Response" },
              ...response(whole, list(said.thought_ends).map(Number), given),
            ),
            el("p", {}, `${text(said.finish) === "length" ? "Cut off by the limit of tokens" : "Ended by itself"}; rule ${text(said.rule) || "–"}, score ${number(said.score as number)}${rewards(said.rewards)}`),
            sampled.length > 0 && strip(`${run}-${row.update}`, sampled, story.advantage),
          ),
      story.reset !== null && tree(run, story.reset, story.group, said),
      el("h2", {}, "Its group"),
      saved(`${run}-group`, `Group ${row.group}`, comparedColumns(run), story.group),
    );
  };
  look().catch((failure) => {
    if (!signal.aborted)
      trouble.textContent = failure instanceof Refusal ? failure.message : `The orchestrator does not answer. ${failure}`;
  });
}
