import { el, put } from "./dom";

/** Calls of the orchestrator's REST interface. The token, where the door is locked, stays in this tab's session. */

const TOKEN = "foothold-token";

/** What the service refused, and why. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    detail: string,
  ) {
    super(detail);
  }
}

let asking: Promise<void> | null = null;

/** Asks for a token, once for all who wait for it. */
function askToken(why: string): Promise<void> {
  asking ??= new Promise<void>((given) => {
    const door = document.getElementById("door")!;
    const field = el("input", { id: "token", type: "password", autocomplete: "off", required: true });
    const form = el(
      "form",
      {
        class: "door",
        submit: (event) => {
          event.preventDefault();
          sessionStorage.setItem(TOKEN, field.value.trim());
          put(door);
          asking = null;
          given();
        },
      },
      el("p", { role: "alert" }, why),
      el("label", { for: "token" }, "Token"),
      field,
      el("button", { type: "submit" }, "Open"),
    );
    put(door, form);
    field.focus();
  });
  return asking;
}

/** A call with the token; asks for one where it is missing or refused. */
export async function call(path: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const token = sessionStorage.getItem(TOKEN);
    const headers = new Headers(init.headers);
    if (token !== null) headers.set("Authorization", `Bearer ${token}`);
    const response = await fetch(path, { ...init, headers, credentials: "omit", cache: "no-store" });
    if (response.ok) return response;
    const text = await response.text();
    let title = response.statusText;
    let detail = text;
    try {
      const problem = JSON.parse(text) as { title?: string; detail?: string };
      title = problem.title ?? title;
      detail = problem.detail ?? text;
    } catch {
      // Not told by us, but by something between.
    }
    if (response.status !== 401) throw new Refusal(response.status, title, detail || `status ${response.status}`);
    // Another call may have been given one meanwhile.
    if (sessionStorage.getItem(TOKEN) === token) await askToken(detail);
  }
}

export async function json<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await call(path, { signal: signal ?? null, headers: { Accept: "application/json" } })).json()) as T;
}

export const runPath = (id: string): string => `api/runs/${encodeURIComponent(id)}`;

export interface Run {
  id: string;
  method: string;
  runFile: string;
  state: string;
  updateDone: number;
  updates: number;
  reason: string;
}

export type Details = Record<string, unknown>;

export interface Standing {
  run: Run;
  lastUpdate: Details | null;
  lastEvaluations: Record<string, Details>;
  warnings: number;
  lastAlarm: string;
}

export interface RunEvent {
  number: number;
  kind: string;
  json: string;
}

/** Whether a run may still tell something. */
export const underWay = (state: string): boolean => ["created", "queued", "running"].includes(state);

export type Link = "connecting" | "live" | "over" | "away";

const pause = (millis: number, signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const timer = window.setTimeout(done, millis);
    signal.addEventListener("abort", () => {
      window.clearTimeout(timer);
      done();
    });
  });

/**
 * Follows a run's events, each once and in order: behind a connection that broke it asks for what it has not seen. Ends with the signal.
 * It reads the stream itself, as a browser's EventSource sends no token.
 */
export async function follow(
  id: string,
  signal: AbortSignal,
  events: (batch: RunEvent[]) => void,
  link: (state: Link) => void,
): Promise<void> {
  let next = 1;
  let wait = 250;
  link("connecting");
  while (!signal.aborted) {
    try {
      const response = await call(`${runPath(id)}/events?from=${next}`, {
        signal,
        headers: { Accept: "text/event-stream" },
      });
      link("live");
      wait = 250;
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const lines = (rest + value).split("\n");
        rest = lines.pop()!;
        const batch = lines
          .filter((line) => line.startsWith("data:"))
          .map((line) => JSON.parse(line.slice(5)) as RunEvent)
          .filter((event) => event.number >= next);
        if (batch.length > 0) {
          next = batch[batch.length - 1]!.number + 1;
          events(batch);
        }
      }
      link("over");
      // The run may be resumed, here or elsewhere.
      await pause(2000, signal);
    } catch (failure) {
      if (signal.aborted) return;
      if (failure instanceof Refusal && failure.status < 500) throw failure;
      link("away");
      await pause(wait, signal);
      wait = Math.min(2 * wait, 4000);
    }
  }
}
