import { json, Refusal, runPath } from "./api";
import { el, put } from "./dom";
import { Figure, type Line } from "./figure";
import { tabs } from "./run";
import { type Column, saved } from "./table";

interface Solved {
  problem: string;
  start: string;
  update: number;
  judged: number;
  passes: number;
}

interface Answer {
  prefixes: Record<string, number>;
  solved: Solved[];
}

/** A problem in the list. */
interface Problem {
  id: string;
  prefix: number | null;
  updates: number;
  unguided: number | null;
  guided: number | null;
  bin: string;
}

const GUIDED = "guided";
const UNGUIDED = "root";

/** Share of right answers; null where none was judged. */
function rate(of: Solved[]): number | null {
  const judged = of.reduce((sum, s) => sum + s.judged, 0);
  return judged === 0 ? null : of.reduce((sum, s) => sum + s.passes, 0) / judged;
}

/** What a rate says: the bins are those of a tenth, but never and always are their own. */
function bin(value: number | null): string {
  if (value === null) return "not tried";
  if (value === 0) return "never";
  if (value === 1) return "always";
  const low = Math.min(9, Math.floor(value * 10));
  return `${low * 10} to ${low * 10 + 10} %`;
}

/** One line a kind of start: the solve rate over updates. */
function lines(of: Solved[]): Line[] {
  const starts = [...new Set(of.map((s) => s.start))].sort();
  return starts.map((start) => {
    const own = of.filter((s) => s.start === start);
    const updates = [...new Set(own.map((s) => s.update))].sort((a, b) => a - b);
    return {
      label: start === UNGUIDED ? "unguided" : start,
      x: updates,
      y: updates.map((u) => rate(own.filter((s) => s.update === u))),
    };
  });
}

/** A run's problems: how often each is solved, guided and not; one of them over the updates. */
export function problems(view: HTMLElement, signal: AbortSignal, id: string, chosen: string): void {
  const trouble = el("p", { role: "alert", class: "trouble" });
  const body = el("div");
  put(view, el("h1", {}, id), tabs(id, "Problems"), trouble, body);
  const address = (problem: string): string =>
    `#/runs/${encodeURIComponent(id)}/problems?problem=${encodeURIComponent(problem)}`;
  const look = async (): Promise<void> => {
    const answer = await json<Answer>(`${runPath(id)}/problems`, signal);
    const byProblem = Map.groupBy(answer.solved, (s) => s.problem);
    const names = [...new Set([...byProblem.keys(), ...Object.keys(answer.prefixes)])].sort();
    const rows: Problem[] = names.map((name) => {
      const own = byProblem.get(name) ?? [];
      const unguided = rate(own.filter((s) => s.start === UNGUIDED));
      return {
        id: name,
        prefix: answer.prefixes[name] ?? null,
        updates: new Set(own.map((s) => s.update)).size,
        unguided,
        guided: rate(own.filter((s) => s.start === GUIDED)),
        bin: bin(unguided),
      };
    });
    const columns: Column<Problem>[] = [
      { title: "Problem", value: (p) => p.id, show: (p) => el("a", { href: address(p.id) }, p.id) },
      { title: "i*(x), thoughts", value: (p) => p.prefix },
      { title: "Updates that used it", value: (p) => p.updates },
      { title: "Solved unguided", value: (p) => p.unguided },
      { title: "Bin", value: (p) => p.bin },
      { title: "Solved guided", value: (p) => p.guided },
      {
        title: "Rollouts",
        value: () => null,
        show: (p) => el("a", { href: `#/runs/${encodeURIComponent(id)}/rollouts?problem=${encodeURIComponent(p.id)}`, "aria-label": `Rollouts of ${p.id}` }, "rollouts"),
      },
    ];
    const all = new Figure(`${id}-solved`, "Solve rate of all problems", signal);
    const one = chosen === "" ? null : new Figure(`${id}-${chosen}-solved`, `Solve rate of ${chosen}`, signal);
    put(
      body,
      rows.length === 0
        ? el("p", {}, "No update has used a problem yet.")
        : el("div", { class: "pictures" }, all.element, one?.element),
      rows.length > 0 && saved(`${id}-problems`, "Problems, over all updates so far", columns, rows),
    );
    if (rows.length > 0) all.show(lines(answer.solved), "update");
    one?.show(lines(byProblem.get(chosen) ?? []), "update");
  };
  look().catch((failure) => {
    if (!signal.aborted)
      trouble.textContent = failure instanceof Refusal ? failure.message : `The orchestrator does not answer. ${failure}`;
  });
}
