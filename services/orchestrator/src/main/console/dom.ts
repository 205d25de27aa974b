/** Elements from data. Text is only ever set as text: what rollouts say is never read as HTML. */

export type Child = Node | string | null | undefined | false;
type Value = string | number | boolean | ((event: Event) => void);

/** An element; an attribute whose value is a function listens to the event of its name. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Value> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (typeof value === "boolean") made.toggleAttribute(name, value);
    else made.setAttribute(name, String(value));
  }
  put(made, ...children);
  return made;
}

/** Replaces what an element holds. */
export function put(parent: Element, ...children: Child[]): void {
  parent.replaceChildren(...children.filter((c): c is Node | string => c instanceof Node || typeof c === "string"));
}

/** A number as people read it. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return size < 0.001 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

/** Seconds as people read them. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** How long to wait before something is done again that took so long: a run is not to pay for being looked at. All in milliseconds. */
export function waitAfter(atLeast: number, took: number): number {
  return Math.max(atLeast, Math.min(24 * took, 20_000));
}

/** Asks for something now and again as long as the page is looked at; what fails is told and asked again. */
export function every(millis: number, signal: AbortSignal, look: () => Promise<void>): void {
  let timer = 0;
  const again = async (): Promise<void> => {
    const began = performance.now();
    if (!document.hidden) await look();
    if (!signal.aborted) timer = window.setTimeout(again, waitAfter(millis, performance.now() - began));
  };
  signal.addEventListener("abort", () => window.clearTimeout(timer));
  void again();
}
