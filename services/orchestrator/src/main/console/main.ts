import "uplot.css";
import "./style.css";
import { compare } from "./compare";
import { create } from "./create";
import { el, put } from "./dom";
import { problems } from "./problems";
import { rollout } from "./rollout";
import { rollouts } from "./rollouts";
import { run } from "./run";
import { runs } from "./runs";
import { update } from "./update";

/** The page that the address names; what the one before was waiting for is given up. */
let shown = new AbortController();

function route(): void {
  shown.abort();
  shown = new AbortController();
  const signal = shown.signal;
  const main = document.getElementById("main")!;
  const [path = "", query = ""] = location.hash.replace(/^#/, "").split(/\?(.*)/s);
  const asked = new URLSearchParams(query);
  const parts = path.split("/").filter((p) => p !== "").map(decodeURIComponent);
  const id = parts[1] ?? "";
  if (parts.length === 0) runs(main, signal);
  else if (parts[0] === "new") create(main);
  else if (parts[0] === "runs" && parts.length === 2) run(main, signal, id);
  else if (parts[0] === "runs" && parts[2] === "rollouts" && parts.length === 3) rollouts(main, signal, id, asked);
  else if (parts[0] === "runs" && parts[2] === "rollouts" && parts.length === 4) rollout(main, signal, id, parts[3]!);
  else if (parts[0] === "runs" && parts[2] === "updates" && parts.length === 4) update(main, signal, id, parts[3]!);
  else if (parts[0] === "runs" && parts[2] === "problems" && parts.length === 3)
    problems(main, signal, id, asked.get("problem") ?? "");
  else if (parts[0] === "compare") compare(main, signal, (asked.get("runs") ?? "").split(",").slice(0, 6));
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
