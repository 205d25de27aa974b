import type { Details, RunEvent } from "./api";
import type { Line } from "./figure";

export interface Point {
  update: number;
  at: number;
  values: Details;
}

export interface Note {
  number: number;
  kind: string;
  at: number;
  text: string;
}

/** What may be the x of a curve. */
export const AXES = ["update", "sampled tokens", "rollouts", "minutes"] as const;
export type Axis = (typeof AXES)[number];

/** Names of numbers by the picture that shows them; what is not here can be chosen for one of its own. */
export const PICTURES: [string, string[]][] = [
  ["Reward", ["reward_mean", "reward_root", "reward_guided", "reward_reset"]],
  ["pass@1 of training rollouts", ["pass@1_root", "pass@1_guided", "pass@1_reset", "pass@1_through", "pass@1_around"]],
  ["Groups without signal", ["groups_without_signal"]],
  ["Entropy", ["entropy"]],
  ["KL", ["kl", "kl_to_behaviour", "kl_to_reference"]],
  ["Clip share", ["clip_fraction"]],
  ["Sampler and learner apart", ["log_prob_difference_mean", "log_prob_difference_p99", "log_prob_difference_max"]],
  ["Gradient norm", ["gradient_norm"]],
  ["Response length, tokens", ["response_length_mean", "response_length_max"]],
  ["Truncated share", ["truncated_share"]],
  ["Staleness", ["staleness_mean", "staleness_max"]],
  ["Tokens per second", ["tokens_per_s", "sampling_tokens_per_s"]],
  ["Seconds an update", ["update_seconds"]],
];

const numeric = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** A run, put together from its events; an update that was done again counts as it was done last. */
export class RunData {
  readonly notes: Note[] = [];
  readonly away = new Map<string, string>();
  servers: Details[] = [];
  policy: Details | null = null;
  private began = 0;
  private readonly updates = new Map<number, Point>();
  private ordered: Point[] | null = [];
  private readonly evaluations = new Map<string, Map<number, Point>>();

  take(events: RunEvent[]): void {
    for (const event of events) {
      const d = JSON.parse(event.json) as Details;
      const at = Number(d.at_millis ?? 0);
      if (this.began === 0) this.began = at;
      switch (event.kind) {
        case "update_done":
          this.updates.set(Number(d.update), { update: Number(d.update), at, values: d });
          this.ordered = null;
          break;
        case "evaluation_done": {
          const set = String(d.set);
          if (!this.evaluations.has(set)) this.evaluations.set(set, new Map());
          this.evaluations.get(set)!.set(Number(d.update), { update: Number(d.update), at, values: d });
          break;
        }
        case "inference_servers":
          this.servers = (d.servers ?? []) as Details[];
          break;
        case "policy_published":
          this.policy = d;
          break;
        case "service_lost":
          this.away.set(String(d.service), String(d.reason));
          this.note(event, d, at);
          break;
        case "service_found":
          this.away.delete(String(d.service));
          this.note(event, d, at);
          break;
        default:
          this.note(event, d, at);
      }
    }
  }

  private note(event: RunEvent, d: Details, at: number): void {
    const text = Object.entries(d)
      .filter(([key]) => key !== "at_millis")
      .map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
      .join(", ");
    this.notes.push({ number: event.number, kind: event.kind, at, text });
  }

  points(): Point[] {
    this.ordered ??= [...this.updates.values()].sort((a, b) => a.update - b.update);
    return this.ordered;
  }

  sets(): Map<string, Point[]> {
    return new Map(
      [...this.evaluations].map(([set, points]) => [set, [...points.values()].sort((a, b) => a.update - b.update)]),
    );
  }

  last(): Point | undefined {
    return this.points().at(-1);
  }

  /** Mean seconds of the last updates; NaN before the first. */
  pace(): number {
    const last = this.points()
      .slice(-10)
      .map((p) => p.values.update_seconds)
      .filter(numeric);
    return last.reduce((sum, s) => sum + s, 0) / last.length;
  }

  /** Names of the numbers that updates have. */
  numbers(): string[] {
    const out = new Set<string>();
    for (const p of this.updates.values())
      for (const [key, value] of Object.entries(p.values)) if (numeric(value) && key !== "at_millis") out.add(key);
    return [...out].sort();
  }

  /** Where each update lies on an axis; an update 0 lies at its beginning. */
  private places(axis: Axis): (point: Point) => number {
    if (axis === "update") return (p) => p.update;
    if (axis === "minutes") return (p) => (p.at - this.began) / 60_000;
    const sums = new Map<number, number>([[0, 0]]);
    let sum = 0;
    for (const p of this.points()) {
      sum +=
        axis === "sampled tokens"
          ? Number(p.values.sampled_tokens ?? 0)
          : Object.entries(p.values)
              .filter(([key]) => /^rollouts_[a-z]+$/.test(key))
              .reduce((total, [, value]) => total + Number(value), 0);
      sums.set(p.update, sum);
    }
    return (p) => sums.get(p.update) ?? sum;
  }

  /** Lines of these numbers, those that are there. */
  lines(names: string[], axis: Axis): Line[] {
    const place = this.places(axis);
    return names
      .map((label) => {
        const points = this.points().filter((p) => numeric(p.values[label]));
        return { label, x: points.map(place), y: points.map((p) => p.values[label] as number) };
      })
      .filter((line) => line.x.length > 0);
  }

  /** The k of pass@k that evaluations have. */
  ks(): number[] {
    const out = new Set<number>();
    for (const points of this.evaluations.values())
      for (const p of points.values())
        for (const key of Object.keys(p.values)) {
          const k = /^pass@(\d+)$/.exec(key)?.[1];
          if (k !== undefined) out.add(Number(k));
        }
    return [...out].sort((a, b) => a - b);
  }

  /** pass@k of each set with its interval. */
  passes(k: number, axis: Axis): Line[] {
    const place = this.places(axis);
    const edge = (p: Point, end: string): number | null => {
      const value = p.values[k === 1 ? end : `pass@${k}_${end}`];
      return numeric(value) ? value : null;
    };
    return [...this.sets()]
      .map(([set, all]) => {
        const points = all.filter((p) => numeric(p.values[`pass@${k}`]));
        return {
          label: set,
          x: points.map(place),
          y: points.map((p) => p.values[`pass@${k}`] as number),
          low: points.map((p) => edge(p, "low")),
          high: points.map((p) => edge(p, "high")),
        };
      })
      .filter((line) => line.x.length > 0);
  }
}
