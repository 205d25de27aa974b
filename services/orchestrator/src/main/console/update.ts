import { json, Refusal, runPath } from "./api";
import { el, number, put } from "./dom";
import { type Compared, comparedColumns } from "./rollout";
import { tabs } from "./run";
import { saved } from "./table";

interface Story {
  optimizerSteps: number;
  groupsWithSignal: number;
  metrics: Record<string, number>;
  groups: { id: string; problem: string; start: string; signal: boolean; rollouts: Compared[] }[];
}

/** One update: what the learner made of it and the groups that it used. */
export function update(view: HTMLElement, signal: AbortSignal, run: string, at: string): void {
  const trouble = el("p", { role: "alert", class: "trouble" });
  const body = el("div");
  put(view, el("h1", {}, `${run}, update ${at}`), tabs(run, "Rollouts"), trouble, body);
  const look = async (): Promise<void> => {
    const story = await json<Story>(`${runPath(run)}/updates/${encodeURIComponent(at)}`, signal);
    put(
      body,
      el("p", {}, `${number(story.optimizerSteps)} optimizer steps; ${number(story.groupsWithSignal)} of ${number(story.groups.length)} groups carried an advantage.`),
      ...story.groups.map((g, i) =>
        el(
          "details",
          { open: i === 0 },
          el("summary", {}, `${g.id}: ${g.start || "start unknown"}, ${g.problem}${g.signal ? "" : " (no signal)"}`),
          saved(`${run}-${at}-group-${i + 1}`, `Group ${g.id}`, comparedColumns(run), g.rollouts),
        ),
      ),
      el("h2", {}, "Numbers"),
      saved(
        `${run}-${at}-numbers`,
        "Numbers of the learner",
        [
          { title: "Name", value: ([name]: [string, number]) => name },
          { title: "Value", value: ([, value]: [string, number]) => value },
        ],
        Object.entries(story.metrics),
      ),
    );
  };
  look().catch((failure) => {
    if (!signal.aborted)
      trouble.textContent = failure instanceof Refusal ? failure.message : `The orchestrator does not answer. ${failure}`;
  });
}
