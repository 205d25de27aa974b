import { el, number } from "./dom";

export type Cell = string | number | null;

export interface Column<R> {
  title: string;
  value: (row: R) => Cell;
  /** Shown instead of the value. */
  show?: (row: R) => Node;
}

function save(name: string, type: string, text: string): void {
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** A cell of CSV; a text that a spreadsheet would take for a formula stays a text. */
function csv(cell: Cell): string {
  if (cell === null) return "";
  const text = typeof cell === "string" && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : String(cell);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Buttons that save what is shown. */
export function downloads(name: string, titles: string[], rows: () => Cell[][]): HTMLElement {
  return el(
    "p",
    { class: "downloads" },
    el(
      "button",
      {
        type: "button",
        click: () => save(`${name}.csv`, "text/csv", [titles, ...rows()].map((r) => r.map(csv).join(",")).join("\r\n")),
      },
      "CSV",
    ),
    el(
      "button",
      {
        type: "button",
        click: () =>
          save(
            `${name}.json`,
            "application/json",
            JSON.stringify(
              rows().map((r) => Object.fromEntries(titles.map((title, i) => [title, r[i]]))),
              null,
              1,
            ),
          ),
      },
      "JSON",
    ),
  );
}

/** A table that scrolls in its own frame on a narrow screen. */
export function table<R>(caption: string, columns: Column<R>[], rows: R[]): HTMLElement {
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, ...columns.map((c) => el("th", { scope: "col" }, c.title)))),
      el(
        "tbody",
        {},
        ...rows.map((row) =>
          el(
            "tr",
            {},
            ...columns.map((c) => {
              const value = c.value(row);
              return el(
                "td",
                typeof value === "number" ? { class: "number" } : {},
                c.show ? c.show(row) : typeof value === "number" ? number(value) : value,
              );
            }),
          ),
        ),
      ),
    ),
  );
}

/** A table with the buttons that save it. */
export function saved<R>(name: string, caption: string, columns: Column<R>[], rows: R[]): HTMLElement {
  return el(
    "section",
    {},
    table(caption, columns, rows),
    downloads(
      name,
      columns.map((c) => c.title),
      () => rows.map((row) => columns.map((c) => c.value(row))),
    ),
  );
}
