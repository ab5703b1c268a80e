import { h, morphChildren } from "../shared/dom.js";
import { page } from "../shared/page.js";
import { button, empty, failed, id, loading, searchBox } from "../shared/controls.js";
import { get } from "../shared/api.js";
import { live } from "../shared/live.js";
import { refine, to } from "../shared/router.js";
import { count, dateTime, duration, plural } from "../shared/format.js";
import { throttle } from "../shared/throttle.js";
import { icon } from "../shared/icons.js";
import { colourOf } from "../shared/colors.js";
import { rowsOf, unfolded } from "./tree.js";
import { waterfall } from "./waterfall.js";
import { spanDetails } from "./span-details.js";

/** A trace may have thousands of spans; the page shows so many, and more when asked. */
const batch = 500;

/** One trace: what ran, where, when and for how long. */
export function showTrace(main, address, signal) {
  const view = page(main, "Trace", "traces trace", signal);
  const summary = h("div", { class: "trace-summary" });
  const search = searchBox({ label: "Filter spans", value: address.query.get("text"), onInput: text => refine({ text }) });
  const folded = new Set();
  const fold = button({ text: "Fold all", onClick: () => foldAll() });
  view.heading.before(
    h("a", { class: "button quiet only-icon back", href: to("traces"), "aria-label": "All traces", title: "All traces" }, icon("back")),
  );
  view.toolbar.append(search, fold);
  view.toolbar.after(summary);
  view.body.replaceChildren(loading());
  const details = spanDetails(view.details);
  let query = address.query;
  let trace = null;
  let rows = [];
  let limit = batch;

  /** Spans come in as they end, long ones after their children: a trace that is looked at may still grow. */
  const read = throttle(
    async () => {
      try {
        const latest = await get(`/api/traces/${encodeURIComponent(address.subject)}`, {}, signal);
        if (trace && latest.spans.length === trace.spans.length && latest.logs.length === trace.logs.length) return;
        trace = latest;
        rows = rowsOf(trace.spans);
        const selected = rows.findIndex(row => row.span.spanId === query.get("span"));
        limit = Math.max(limit, selected + 1);
        render();
      } catch (problem) {
        if (!signal.aborted && trace === null)
          view.body.replaceChildren(
            problem.status === 404
              ? empty("This trace is not known", "Its spans have not come yet, or are dropped already: only the newest are kept.")
              : failed(problem),
          );
      }
    },
    1000,
    signal,
  );

  function render() {
    if (trace === null) return;
    const text = (query.get("text") ?? "").toLowerCase();
    const matches = span =>
      text === "" || [span.name, span.service, ...Object.values(span.attributes)].some(word => String(word).toLowerCase().includes(text));
    const shown = unfolded(rows, folded);
    morphChildren(
      view.body,
      [
        waterfall(trace, shown.slice(0, limit), { selected: query.get("span"), folded, matches, actions }),
        shown.length > limit &&
          button({
            text: `${count(Math.min(batch, shown.length - limit))} more spans`,
            className: "older",
            onClick: () => {
              limit += batch;
              render();
            },
          }),
      ].filter(part => part),
    );
    describe(shown, matches, text);
    const root = trace.spans.find(span => !span.parentId) ?? rows[0].span;
    view.heading.textContent = `${root.service}: ${root.name}`;
    details.render(
      trace,
      trace.spans.find(span => span.spanId === query.get("span")),
    );
  }

  function describe(shown, matches, text) {
    const services = Map.groupBy(trace.spans, span => span.service);
    const errors = trace.spans.filter(span => span.status.code === "Error").length;
    summary.replaceChildren(
      fact("Trace", id(trace.traceId, "trace id")),
      fact("Start", dateTime(trace.start)),
      fact("Duration", duration(trace.durationMs)),
      fact("Spans", count(trace.spans.length)),
      fact("Depth", count(Math.max(...rows.map(row => row.depth)) + 1)),
      fact("Errors", h("span", { class: errors > 0 ? "tone-bad" : "" }, count(errors))),
      h("a", { href: to("logs", "", { trace: trace.traceId }) }, plural(trace.logs.length, "log")),
      h(
        "span",
        { class: "tags" },
        [...services].map(([name, spans]) =>
          h("span", { class: "tag" }, h("span", { class: `dot ${colourOf(name)}` }), `${name} (${spans.length})`),
        ),
      ),
    );
    fold.querySelector("span").textContent = folded.size > 0 ? "Unfold all" : "Fold all";
    view.footer.textContent = text
      ? `${plural(trace.spans.filter(matches).length, "span")} of ${count(trace.spans.length)} match; the others are faded.`
      : `${count(Math.min(limit, shown.length))} of ${plural(trace.spans.length, "span")} shown.`;
  }

  const actions = {
    select: span => refine({ span }, { remember: true }),
    fold: spanId => {
      if (!folded.delete(spanId)) folded.add(spanId);
      render();
    },
  };

  function foldAll() {
    if (folded.size > 0) folded.clear();
    else rows.filter(row => row.children > 0).forEach(row => folded.add(row.span.spanId));
    render();
  }

  live.addEventListener("telemetry", read, { signal });
  live.addEventListener("back", read, { signal });
  read();
  return changed => {
    query = changed.query;
    render();
  };
}

const fact = (name, value) => h("span", { class: "fact" }, h("span", { class: "muted" }, name), " ", value);
