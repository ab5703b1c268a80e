import { h } from "../shared/dom.js";
import { properties, section } from "../shared/page.js";
import { copyButton, id } from "../shared/controls.js";
import { refine, to } from "../shared/router.js";
import { dateTime, duration, shortId } from "../shared/format.js";
import { level } from "../logs/row.js";

/** One span in full. */
export function spanDetails(pane) {
  let shown = null;
  return {
    render(trace, span) {
      if (span && shown === `${span.spanId} ${trace.spans.length} ${trace.logs.length}`) return;
      shown = span ? `${span.spanId} ${trace.spans.length} ${trace.logs.length}` : null;
      if (!span) {
        pane.hide();
        return;
      }
      pane.show(`${span.service}: ${span.name}`, () => refine({ span: null }));
      pane.body.replaceChildren(...parts(trace, span));
    },
  };
}

function parts(trace, span) {
  const logs = trace.logs.filter(log => log.spanId === span.spanId);
  return [
    section(
      "Span",
      properties([
        ["Span", id(span.spanId, "span id")],
        ["Parent", parent(trace, span)],
        ["Resource", span.service],
        ["Instance", span.instance],
        ["Kind", span.kind],
        ["Scope", span.scope],
        [
          "Status",
          h(
            "span",
            { class: span.status.code === "Error" ? "tone-bad" : "" },
            [span.status.code, span.status.message].filter(text => text).join(": "),
          ),
        ],
        ["Start", dateTime(span.start)],
        ["After", `${duration(span.start - trace.start)} of the trace`],
        ["Duration", duration(span.durationMs)],
      ]),
    ),
    section("Attributes", attributes(span.attributes)),
    list(
      "Events",
      span.events.map(event =>
        h(
          "details",
          { class: "entry" },
          h("summary", {}, h("span", { class: "muted" }, `+${duration(event.time - span.start)}`), " ", event.name),
          attributes(event.attributes),
        ),
      ),
    ),
    list(
      "Logs",
      logs.map(log =>
        h(
          "p",
          { class: "entry" },
          level(log.level),
          " ",
          h("a", { href: to("logs", "", { trace: trace.traceId, selected: log.seq }) }, log.message || "(no message)"),
        ),
      ),
    ),
    list(
      "Links",
      span.links.map(link =>
        h(
          "div",
          { class: "entry" },
          h(
            "a",
            { href: to("traces", link.traceId, { span: link.spanId }) },
            `Trace ${shortId(link.traceId)}, span ${shortId(link.spanId)}`,
          ),
          attributes(link.attributes),
        ),
      ),
    ),
  ];
}

const list = (title, entries) =>
  section(`${title} (${entries.length})`, ...(entries.length > 0 ? entries : [h("p", { class: "muted" }, "None.")]));

const attributes = values =>
  Object.keys(values).length === 0
    ? h("p", { class: "muted" }, "No attributes.")
    : properties(Object.entries(values).map(([name, value]) => [name, String(value), copyButton(String(value), name)]));

function parent(trace, span) {
  if (!span.parentId) return "none: the root";
  const known = trace.spans.find(other => other.spanId === span.parentId);
  return known
    ? h(
        "button",
        { type: "button", class: "link", onclick: () => refine({ span: known.spanId }, { remember: true }) },
        `${known.service}: ${known.name}`,
      )
    : `${shortId(span.parentId)}, which is not here`;
}
