import { json, Refusal, type Run, type RunEvent, runPath } from "./api";
import { el, every, put } from "./dom";
import { Figures, type Line } from "./figure";
import { type Axis, AXES, PICTURES, RunData } from "./rundata";
import { choice } from "./run";
import { type Column, saved } from "./table";

/** The settings of a run by their names. */
function settings(run: Run): Map<string, string> {
  return new Map(
    run.runFile
      .split("\n")
      .filter((line) => line.includes(": "))
      .map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]),
  );
}

/** Up to six runs in the same pictures. */
export function compare(view: HTMLElement, signal: AbortSignal, ids: string[]): void {
  const trouble = el("p", { role: "status", class: "trouble" });
  const differing = el("div");
  const figures = new Figures("compared", signal);
  const known = new Map(ids.map((id) => [id, { data: new RunData(), next: 1 }]));
  let axis: Axis = "update";

  const named = (id: string, lines: Line[]): Line[] => lines.map((l) => ({ ...l, label: id }));
  const draw = (): void => {
    const sets = new Set([...known.values()].flatMap((k) => [...k.data.sets().keys()]));
    for (const set of sets)
      figures.show(
        `pass@1 of ${set}`,
        ids.flatMap((id) => named(id, known.get(id)!.data.passes(1, axis).filter((l) => l.label === set))),
        axis,
      );
    for (const [title, names] of PICTURES)
      figures.show(
        title,
        ids.flatMap((id) => named(id, known.get(id)!.data.lines(names.slice(0, 1), axis))),
        axis,
      );
  };
  put(
    view,
    el("h1", {}, `${ids.length} runs compared`),
    el("p", { class: "controls" }, choice("axis", "Over", [...AXES], (value) => ((axis = value as Axis), draw()))),
    trouble,
    figures.element,
    el("h2", {}, "Settings that differ"),
    differing,
  );
  const tellSettings = async (): Promise<void> => {
    const all = await Promise.all(ids.map((id) => json<Run>(runPath(id), signal)));
    const maps = all.map(settings);
    const keys = [...new Set(maps.flatMap((m) => [...m.keys()]))].sort();
    const rows = keys.filter((key) => new Set(maps.map((m) => m.get(key) ?? "")).size > 1);
    const columns: Column<string>[] = [
      { title: "Setting", value: (key) => key },
      ...all.map((run, i) => ({ title: run.id, value: (key: string) => maps[i]!.get(key) ?? "–" })),
    ];
    put(differing, rows.length === 0 ? el("p", {}, "None.") : saved("compared-settings", "Settings that differ", columns, rows));
  };
  let told = false;
  every(2000, signal, async () => {
    try {
      if (!told) {
        await tellSettings();
        told = true;
      }
      let changed = false;
      for (const id of ids) {
        const k = known.get(id)!;
        const events = await json<RunEvent[]>(`${runPath(id)}/history?from=${k.next}`, signal);
        if (events.length === 0) continue;
        k.next = events[events.length - 1]!.number + 1;
        k.data.take(events);
        changed = true;
      }
      trouble.textContent = "";
      if (changed) draw();
    } catch (failure) {
      if (!signal.aborted)
        trouble.textContent =
          failure instanceof Refusal ? failure.message : "The orchestrator does not answer; it is asked again.";
    }
  });
}
