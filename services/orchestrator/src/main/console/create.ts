import { call, Refusal, runPath } from "./api";
import { el, put } from "./dom";

const EXAMPLE = `method: grpo-dial
policy: {base: services/foothold/policies/dial}
problems:
  train: {family: dial, level: medium, count: 24}
  evaluate:
    medium-test: {family: dial, level: medium, count: 6, split: test}
`;

/** The line that a refusal names, from 1; 0 where it names none. */
export function lineOf(id: string, detail: string): number {
  const at = detail.indexOf(`${id}:`);
  if (at < 0) return 0;
  const line = /^(\d+)\b/.exec(detail.slice(at + id.length + 1));
  return line === null ? 0 : Number(line[1]);
}

/** Creates a run from a run file. */
export function create(view: HTMLElement): void {
  const id = el("input", { id: "id", required: true, autocomplete: "off", spellcheck: "false" });
  const text = el("textarea", { id: "file", rows: 24, spellcheck: "false", wrap: "off", required: true });
  text.value = EXAMPLE;
  const gutter = el("pre", { class: "gutter", "aria-hidden": "true" });
  const refused = el("p", { role: "alert", class: "trouble" });
  let wrong = 0;
  const lines = (): void => {
    put(
      gutter,
      ...text.value.split("\n").map((_, i) => el("span", i + 1 === wrong ? { class: "wrong" } : {}, `${i + 1}\n`)),
    );
    gutter.scrollTop = text.scrollTop;
  };
  const mark = (line: number): void => {
    wrong = line;
    lines();
    if (line === 0) return;
    const all = text.value.split("\n");
    const from = all.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0);
    text.focus();
    text.setSelectionRange(from, from + (all[line - 1] ?? "").length);
    text.scrollTop = Math.max(0, (line - 5) * parseFloat(getComputedStyle(text).lineHeight));
    gutter.scrollTop = text.scrollTop;
  };
  text.addEventListener("input", () => {
    wrong = 0;
    lines();
  });
  text.addEventListener("scroll", () => {
    gutter.scrollTop = text.scrollTop;
  });
  const chosen = el("input", { id: "load", type: "file", accept: ".yaml,.yml" });
  chosen.addEventListener("change", async () => {
    const file = chosen.files?.[0];
    if (!file) return;
    text.value = await file.text();
    if (id.value === "") id.value = file.name.replace(/\.ya?ml$/, "");
    mark(0);
  });
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    refused.textContent = "";
    mark(0);
    try {
      await call(runPath(id.value), { method: "PUT", headers: { "Content-Type": "text/plain" }, body: text.value });
      location.hash = `#/runs/${encodeURIComponent(id.value)}`;
    } catch (failure) {
      const detail = failure instanceof Refusal ? failure.message : "The orchestrator does not answer.";
      const line = lineOf(id.value, detail);
      refused.textContent = line === 0 ? detail : `Line ${line}: ${detail}`;
      mark(line);
    }
  };
  put(
    view,
    el("h1", {}, "New run"),
    el(
      "form",
      { submit: (event) => void send(event) },
      el("p", {}, el("label", { for: "id" }, "Id "), id),
      el("p", {}, el("label", { for: "load" }, "Take a run file "), chosen),
      el("label", { for: "file" }, "Run file"),
      el("div", { class: "editor" }, gutter, text),
      refused,
      el("button", { type: "submit" }, "Create and start"),
    ),
  );
  lines();
  id.focus();
}
