import uPlot from "uplot";
import { el, number, put } from "./dom";
import { type Cell, downloads, table } from "./table";

/** A line of a picture; points in the order of x. */
export interface Line {
  label: string;
  x: number[];
  y: (number | null)[];
  /** Ends of an interval around each point. */
  low?: (number | null)[];
  high?: (number | null)[];
}

const colours = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6"];
const dashes = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Lines over an axis, with their table and what saves it. */
export class Figure {
  readonly element: HTMLElement;
  private readonly canvas = el("div", { class: "plot", role: "img" });
  private readonly behind = el("details", { toggle: () => this.tell() }, el("summary", {}, "Table"));
  private readonly rows = el("div");
  private plot: uPlot | null = null;
  private shape = "";
  private lines: Line[] = [];
  private axis = "";
  private seen = false;
  private stale = false;

  constructor(
    private readonly name: string,
    private readonly title: string,
    signal: AbortSignal,
  ) {
    this.behind.append(this.rows);
    this.element = el("section", { class: "figure" }, el("h3", {}, title), this.canvas, this.behind);
    const resized = new ResizeObserver(() => this.plot?.setSize(this.size()));
    resized.observe(this.canvas);
    // What nobody sees is drawn when it is scrolled to.
    const looked = new IntersectionObserver(
      (entries) => {
        this.seen = entries[entries.length - 1]!.isIntersecting;
        if (this.seen && this.stale) this.draw();
      },
      { rootMargin: "200px" },
    );
    looked.observe(this.element);
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const recolour = (): void => {
      this.shape = "";
      this.draw();
    };
    dark.addEventListener("change", recolour);
    signal.addEventListener("abort", () => {
      resized.disconnect();
      looked.disconnect();
      dark.removeEventListener("change", recolour);
      this.plot?.destroy();
      this.plot = null;
    });
  }

  /** Shows these lines; the axis says what x is. */
  show(lines: Line[], axis: string): void {
    this.lines = lines;
    this.axis = axis;
    this.draw();
    this.tell();
  }

  private size(): { width: number; height: number } {
    return { width: Math.max(200, this.canvas.clientWidth), height: 180 };
  }

  private draw(): void {
    if (this.lines.length === 0) return;
    const said = this.lines.map((l) => `${l.label} ${number(l.y[l.y.length - 1])}`).join(", ");
    this.canvas.setAttribute("aria-label", `${this.title} over ${this.axis}; last: ${said}`);
    this.stale = this.plot !== null && !this.seen;
    if (this.stale) return;
    const parts: uPlot.AlignedData[] = [];
    for (const line of this.lines) {
      const band = line.low && line.high ? [line.low, line.high] : [];
      parts.push([line.x, line.y, ...band] as uPlot.AlignedData);
    }
    const data = uPlot.join(parts);
    const shape = JSON.stringify([this.axis, this.lines.map((l) => [l.label, !!l.low])]);
    if (this.plot && shape === this.shape) {
      this.plot.setData(data);
      return;
    }
    this.shape = shape;
    this.plot?.destroy();
    this.plot = new uPlot(this.options(), data, this.canvas);
  }

  private options(): uPlot.Options {
    const series: uPlot.Series[] = [{ label: this.axis, value: (_, v) => number(v) }];
    const bands: uPlot.Band[] = [];
    this.lines.forEach((line, i) => {
      const stroke = colour(colours[i % colours.length]!);
      const dash = dashes[Math.floor(i / colours.length) % dashes.length]!;
      const points = { show: line.x.length < 60, size: 5 };
      series.push({ label: line.label, stroke, width: 2, dash, points, spanGaps: true, value: (_, v) => number(v) });
      if (line.low) {
        const edge = { class: "edge", stroke, width: 0, points: { show: false }, spanGaps: true, value: (_: uPlot, v: number) => number(v) };
        series.push({ label: `${line.label}, low`, ...edge }, { label: `${line.label}, high`, ...edge });
        bands.push({ series: [series.length - 1, series.length - 2], fill: `${stroke}33` });
      }
    });
    const grid = { stroke: colour("--rule"), width: 1 };
    const axis: uPlot.Axis = {
      stroke: colour("--ink"),
      grid,
      ticks: grid,
      values: (_, values) => values.map(number),
    };
    return {
      ...this.size(),
      scales: { x: { time: false } },
      axes: [axis, { ...axis, size: 64 }],
      series,
      bands,
      cursor: { drag: { x: true, y: false } },
    };
  }

  private cells(): Cell[][] {
    const rows = new Map<number, Cell[]>();
    this.lines.forEach((line, at) =>
      line.x.forEach((x, i) => {
        const row = rows.get(x) ?? [x, ...this.lines.map(() => null)];
        row[at + 1] = line.y[i] ?? null;
        rows.set(x, row);
      }),
    );
    return [...rows.values()].sort((a, b) => Number(a[0]) - Number(b[0]));
  }

  private tell(): void {
    if (!this.behind.open) return;
    const titles = [this.axis, ...this.lines.map((l) => l.label)];
    put(
      this.rows,
      downloads(this.name, titles, () => this.cells()),
      table(
        this.title,
        titles.map((title, i) => ({ title, value: (row: Cell[]) => row[i] ?? null })),
        this.cells(),
      ),
    );
  }
}

/** Pictures by their titles, each made when it first has something to show. */
export class Figures {
  readonly element = el("div", { class: "pictures" });
  private readonly known = new Map<string, Figure>();

  constructor(
    private readonly name: string,
    private readonly signal: AbortSignal,
  ) {}

  show(title: string, lines: Line[], axis: string, name = title.replaceAll(/[^A-Za-z0-9]+/g, "-").toLowerCase()): void {
    if (lines.length === 0) return;
    let figure = this.known.get(title);
    if (!figure) {
      figure = new Figure(`${this.name}-${name}`, title, this.signal);
      this.known.set(title, figure);
      this.element.append(figure.element);
    }
    figure.show(lines, axis);
  }
}
