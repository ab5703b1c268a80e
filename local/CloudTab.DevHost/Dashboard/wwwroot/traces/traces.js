import { h, morphChildren } from "../shared/dom.js";
import { page, table } from "../shared/page.js";
import { empty, failed, loading, searchBox, select, setOptions, toggle } from "../shared/controls.js";
import { get } from "../shared/api.js";
import { live } from "../shared/live.js";
import { refine, to } from "../shared/router.js";
import { count, dateTime, duration, plural, shortId, time } from "../shared/format.js";
import { rowClick } from "../shared/rows.js";
import { throttle } from "../shared/throttle.js";
import { colourOf } from "../shared/colors.js";

const limit = 200;
const slow = [
  ["", "Any"],
  ["10", "over 10 ms"],
  ["100", "over 100 ms"],
  ["500", "over 500 ms"],
  ["1000", "over 1 s"],
  ["5000", "over 5 s"],
];

/** What happened, newest first: one row for each trace. */
export function showTraces(main, address, signal) {
  const view = page(main, "Traces", "traces", signal);
  const resources = select({ label: "Resource", options: [["", "All"]], value: "", onChange: resource => refine({ resource }) });
  const search = searchBox({ label: "Filter traces by name or id", value: address.query.get("text"), onInput: text => refine({ text }) });
  const least = select({ label: "Duration", options: slow, value: address.query.get("minMs") ?? "", onChange: minMs => refine({ minMs }) });
  const errors = toggle({
    text: "With errors",
    value: address.query.get("errors") === "true",
    onChange: pressed => refine({ errors: pressed }),
  });
  const pause = toggle({
    text: "Pause",
    value: false,
    onChange: pressed => {
      paused = pressed;
      if (!paused) read();
    },
  });
  view.toolbar.append(resources, search, least, errors, pause);
  view.body.replaceChildren(loading());
  let query = address.query;
  let paused = false;
  const filters = () => ({
    resource: query.get("resource"),
    text: query.get("text"),
    minMs: query.get("minMs"),
    errors: query.get("errors"),
  });

  const read = throttle(
    async () => {
      try {
        render(await get("/api/traces", { ...filters(), limit }, signal));
      } catch (problem) {
        if (!signal.aborted && live.connection === "connected") view.body.replaceChildren(failed(problem));
      }
    },
    1000,
    signal,
  );

  function render({ traces, total, dropped }) {
    const isFiltered = Object.values(filters()).some(value => value);
    const longest = Math.max(...traces.map(trace => trace.durationMs), 0.001);
    morphChildren(view.body, [
      traces.length > 0
        ? table(
            "Traces",
            [["Time"], ["Name", "wide"], ["Services"], ["Spans", "number"], ["Duration", "duration"]],
            traces.map(trace => row(trace, longest)),
          )
        : isFiltered
          ? empty("No trace matches", "Remove a filter to see more.")
          : empty("No traces yet", "They appear here as the services are used."),
    ]);
    const lost = dropped > 0 ? `; ${count(dropped)} of the oldest spans are dropped` : "";
    view.footer.textContent = `${count(traces.length)} shown, at most ${limit}, of ${plural(total, "trace")} kept${lost}.`;
  }

  function update(changed) {
    query = changed.query;
    names();
    least.querySelector("select").value = query.get("minMs") ?? "";
    errors.setAttribute("aria-pressed", String(query.get("errors") === "true"));
    read();
  }

  const names = () =>
    setOptions(resources.querySelector("select"), [["", "All"], ...live.names.map(name => [name, name])], query.get("resource") ?? "");
  live.addEventListener("resources", names, { signal });
  live.addEventListener("telemetry", () => paused || read(), { signal });
  live.addEventListener("back", read, { signal });
  update(address);
  return update;
}

const row = (trace, longest) =>
  h(
    "tr",
    { "data-key": trace.traceId, onclick: rowClick },
    h("td", { class: "time" }, h("time", { title: dateTime(trace.start) }, time(trace.start))),
    h(
      "td",
      { class: "wide name" },
      h("a", { class: "row-link", href: to("traces", trace.traceId) }, trace.name),
      h("code", { class: "muted small", title: trace.traceId }, shortId(trace.traceId)),
    ),
    h(
      "td",
      { class: "services" },
      h(
        "span",
        { class: "tags" },
        trace.services.map(service =>
          h(
            "span",
            { class: "tag" },
            h("span", { class: `dot ${colourOf(service.name)}` }),
            `${service.name} (${service.spans})`,
            service.errors > 0 && h("span", { class: "tone-bad" }, plural(service.errors, "error")),
          ),
        ),
      ),
    ),
    h("td", { class: "number spans" }, count(trace.spans)),
    h(
      "td",
      { class: "duration" },
      h(
        "span",
        { class: "bar-box", "aria-hidden": "true" },
        h("span", {
          class: `bar ${trace.errors > 0 ? "bad" : ""}`,
          style: { width: `${Math.max(1, (100 * trace.durationMs) / longest)}%` },
        }),
      ),
      duration(trace.durationMs),
    ),
  );
