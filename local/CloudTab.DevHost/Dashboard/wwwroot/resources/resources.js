import { h, morphChildren } from "../shared/dom.js";
import { page, table } from "../shared/page.js";
import { empty, loading, searchBox, segmented, select, setOptions } from "../shared/controls.js";
import { isRun, keyOf, live } from "../shared/live.js";
import { refine } from "../shared/router.js";
import { ago, bytes, cores, dateTime, plural } from "../shared/format.js";
import { rowClick } from "../shared/rows.js";
import { colourOf } from "../shared/colors.js";
import { state, stateText } from "./state.js";
import { commands } from "./commands.js";
import { showGraph } from "./graph.js";
import { showDetails } from "./details.js";
import { addresses } from "./addresses.js";
import { values } from "./values.js";

/** What the application is made of, and how it fares: as a table, as values, and as a graph. */
export function showResources(main, address, signal) {
  const view = page(main, "Resources", "resources", signal);
  const search = searchBox({ label: "Filter resources", value: address.query.get("text"), onInput: text => refine({ text }) });
  const states = select({ label: "State", options: [["", "All"]], value: "", onChange: chosen => refine({ state: chosen }) });
  const tabs = segmented({
    label: "Show as",
    value: address.query.get("view") ?? "table",
    options: [
      ["table", "Table"],
      ["values", "Parameters"],
      ["graph", "Graph"],
    ],
    onChange: chosen => refine({ view: chosen === "table" ? null : chosen }, { remember: true }),
  });
  view.toolbar.append(tabs, states, search);
  const graph = showGraph(view.body, signal);
  const details = showDetails(view.details, signal);
  let query = address.query;

  function render() {
    const all = live.resources;
    if (all === null) {
      view.body.replaceChildren(loading());
      return;
    }
    const running = all.filter(isRun);
    const chosenState = query.get("state") ?? "";
    setOptions(
      states.querySelector("select"),
      [["", "All"], ...[...new Set(running.map(one => one.state))].sort().map(name => [name, name])],
      chosenState,
    );
    const selected = live.find(query.get("selected"));
    const isGraph = query.get("view") === "graph";
    const shown = all.filter(
      resource => isRun(resource) !== (query.get("view") === "values") && matches(resource, query.get("text"), chosenState),
    );
    main.dataset.shows = query.get("view") ?? "table";
    morphChildren(view.body, [
      isGraph
        ? graph.render(all, selected?.id)
        : shown.length === 0
          ? empty("No resource matches", "Clear the filter to see all of them.")
          : query.get("view") === "values"
            ? values(shown)
            : rows(shown, selected?.id),
    ]);
    view.footer.textContent = summary(running);
    details.render(selected);
  }

  live.addEventListener("resources", render, { signal });
  render();
  return changed => {
    query = changed.query;
    for (const input of tabs.querySelectorAll("input")) input.checked = input.value === (query.get("view") ?? "table");
    render();
  };
}

const matches = (resource, text, chosenState) =>
  (!chosenState || resource.state === chosenState) &&
  (!text ||
    [resource.displayName, resource.type, resource.state, resource.source, ...resource.urls.map(url => url.url)].some(word =>
      word?.toLowerCase().includes(text.toLowerCase()),
    ));

function summary(running) {
  const counts = new Map();
  for (const resource of running) counts.set(stateText(resource.state), (counts.get(stateText(resource.state)) ?? 0) + 1);
  return [plural(running.length, "resource"), ...[...counts].map(([name, count]) => `${count} ${name.toLowerCase()}`)].join(" · ");
}

const columns = [
  ["Name"],
  ["State"],
  ["Started", "started"],
  ["CPU", "number cpu"],
  ["Memory", "number memory"],
  ["Addresses"],
  ["Actions", "actions"],
];

const rows = (shown, selected) =>
  table(
    "Resources",
    columns,
    shown.map(resource =>
      h(
        "tr",
        {
          "data-key": resource.id,
          class: resource.id === selected ? "selected" : "",
          onclick: rowClick,
        },
        h(
          "td",
          { class: "name" },
          h(
            "button",
            {
              type: "button",
              class: "row-link",
              "aria-expanded": String(resource.id === selected),
              onclick: () => refine({ selected: resource.id === selected ? null : keyOf(resource) }, { remember: true }),
            },
            h("span", { class: `dot ${colourOf(resource.name)}` }),
            resource.displayName,
          ),
          h(
            "span",
            { class: "muted small kind" },
            resource.replicas > 1 ? `${resource.type} · ${resource.replica + 1} of ${resource.replicas}` : resource.type,
          ),
        ),
        h("td", { class: "state-cell" }, state(resource)),
        h(
          "td",
          { class: "started", title: resource.startedAt ? dateTime(resource.startedAt) : null },
          resource.startedAt ? ago(resource.startedAt) : "–",
        ),
        h("td", { class: "number cpu" }, resource.cpu == null ? "–" : cores(resource.cpu)),
        h("td", { class: "number memory" }, resource.memory == null ? "–" : bytes(resource.memory)),
        h("td", { class: "addresses" }, addresses(resource.urls)),
        h("td", { class: "actions" }, commands(resource, { short: true })),
      ),
    ),
  );
