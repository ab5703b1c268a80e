import { h } from "./shared/dom.js";
import { icon } from "./shared/icons.js";
import { button } from "./shared/controls.js";
import { current, go, to } from "./shared/router.js";
import { live } from "./shared/live.js";
import { showConnection } from "./shared/connection.js";
import { helpDialog } from "./shared/help.js";
import { themeSwitch } from "./shared/theme-switch.js";
import { showResources } from "./resources/resources.js";
import { showConsole } from "./console/console.js";
import { showLogs } from "./logs/logs.js";
import { showTraces } from "./traces/traces.js";
import { showTrace } from "./traces/trace.js";
import { showMetrics } from "./metrics/metrics.js";

const views = [
  { name: "resources", title: "Resources", key: "r", show: showResources },
  { name: "console", title: "Console", key: "c", show: showConsole },
  { name: "logs", title: "Structured logs", short: "Logs", key: "s", show: showLogs },
  { name: "traces", title: "Traces", key: "t", show: showTraces },
  { name: "metrics", title: "Metrics", key: "m", show: showMetrics },
];

const main = h(
  "main",
  { id: "main", tabindex: "-1" },
  h("div", { class: "view" }, h("header", { class: "head" }, h("h1", {}, "Dashboard"))),
);
const help = helpDialog(views);
const links = views.map(view =>
  h("a", { href: to(view.name), title: `${view.title} (${view.key})` }, icon(view.name), h("span", {}, view.short ?? view.title)),
);
const name = h("span", { class: "brand-name" }, "Dashboard");

document.body.replaceChildren(
  h(
    "a",
    {
      class: "skip",
      href: "#main",
      onclick: event => {
        event.preventDefault();
        main.focus();
      },
    },
    "Skip to content",
  ),
  h(
    "header",
    { class: "top" },
    h("a", { class: "brand", href: to("resources") }, h("img", { src: "icon.svg", alt: "", width: "24", height: "24" }), name),
    h("span", { class: "top-end" }, button({ label: "Keyboard shortcuts", icon: "help", quiet: true, onClick: help.open }), themeSwitch()),
  ),
  h("nav", { class: "nav", "aria-label": "Views" }, links),
  showConnection(),
  main,
  help.dialog,
  h("div", { id: "announcements", class: "only-heard", role: "status" }),
);

let shown = { name: null };

/** The same view is told of its new address; another one takes its place, and all that the old one listened to ends. */
function route() {
  const address = current();
  const view = views.find(known => known.name === address.view) ?? views[0];
  const isTrace = view.name === "traces" && address.subject !== "";
  const key = isTrace ? `trace/${address.subject}` : view.name;
  links.forEach((link, i) => (views[i] === view ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current")));
  if (shown.name === key) {
    shown.update(address);
    return;
  }
  shown.ended?.abort();
  const ended = new AbortController();
  document.title = `${isTrace ? "Trace" : view.title} · ${live.application}`;
  shown = { name: key, ended, update: (isTrace ? showTrace : view.show)(main, address, ended.signal) };
}

document.addEventListener("keydown", event => {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea, dialog") || !help.shortcutsAreOn()) return;
  const view = views.find(known => known.key === key);
  if (view) go(to(view.name));
  else if (key === "?") help.open();
  else if (key === "/") {
    event.preventDefault();
    main.querySelector("input[type=search]")?.focus();
  }
});

live.addEventListener("resources", () => {
  name.textContent = live.application;
});

// A service has its colour by its place among the resources: nothing is drawn before they are known.
live.addEventListener(
  "resources",
  () => {
    window.addEventListener("hashchange", route);
    route();
  },
  { once: true },
);
live.start(new AbortController().signal);
