import "uplot.css";
import "./style.css";
import { create } from "./create";
import { el, put } from "./dom";
import { run } from "./run";
import { runs } from "./runs";

/** The page that the address names; what the one before was waiting for is given up. */
let shown = new AbortController();

function route(): void {
  shown.abort();
  shown = new AbortController();
  const signal = shown.signal;
  const main = document.getElementById("main")!;
  const [path = ""] = location.hash.replace(/^#/, "").split("?", 1);
  const parts = path.split("/").filter((p) => p !== "").map(decodeURIComponent);
  const id = parts[1] ?? "";
  if (parts.length === 0) runs(main, signal);
  else if (parts[0] === "new") create(main);
  else if (parts[0] === "runs" && parts.length === 2) run(main, signal, id);
  else put(main, el("h1", {}, "There is no such page"), el("p", {}, el("a", { href: "#/" }, "All runs")));
  document.title = ["Foothold", ...parts].join(" · ");
  document.querySelectorAll("header nav a").forEach((a) => {
    if (a.getAttribute("href") === `#${path === "" ? "/" : path}`) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  });
  window.scrollTo(0, 0);
}

window.addEventListener("hashchange", route);
route();
