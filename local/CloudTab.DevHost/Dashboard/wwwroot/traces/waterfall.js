import { h } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { duration } from "../shared/format.js";
import { rowClick } from "../shared/rows.js";
import { colourOf } from "../shared/colors.js";

const ticks = [0, 1, 2, 3, 4];
const indent = 14;

/** @param actions what the rows can do: select(spanId), fold(spanId) */
export function waterfall(trace, rows, { selected, folded, matches, actions }) {
  const logs = Map.groupBy(trace.logs, log => log.spanId);
  return h(
    "table",
    { class: "waterfall", "aria-label": "Spans" },
    h(
      "thead",
      {},
      h("tr", {}, h("th", { scope: "col", class: "span" }, "Span"), h("th", { scope: "col", class: "timeline" }, scale(trace))),
    ),
    h(
      "tbody",
      {},
      rows.map(row =>
        spanRow(trace, row, logs.get(row.span.spanId) ?? [], {
          isSelected: row.span.spanId === selected,
          isFolded: folded.has(row.span.spanId),
          isFaded: !matches(row.span),
          actions,
        }),
      ),
    ),
  );
}

const scale = trace =>
  h(
    "span",
    { class: "scale" },
    h("span", { class: "only-heard" }, "Time"),
    ticks.map(tick =>
      h("span", { class: "tick", style: { left: `${25 * tick}%` } }, duration((trace.durationMs * tick) / 4).replace(/^0 µs$/, "0")),
    ),
  );

function spanRow(trace, { span, depth, children }, logs, { isSelected, isFolded, isFaded, actions }) {
  const keys = event => {
    if ((event.key === "ArrowLeft" && children > 0 && !isFolded) || (event.key === "ArrowRight" && isFolded)) actions.fold(span.spanId);
  };
  return h(
    "tr",
    {
      "data-key": span.spanId,
      class: `${isSelected ? "selected" : ""} ${isFaded ? "faded" : ""} ${colourOf(span.service)}`,
      onclick: rowClick,
      onkeydown: keys,
    },
    h(
      "td",
      { class: "span" },
      h(
        "span",
        { class: "span-name", style: { "padding-left": `${depth * indent}px` } },
        children > 0
          ? h(
              "button",
              {
                type: "button",
                class: "fold",
                "aria-expanded": String(!isFolded),
                "aria-label": `${isFolded ? "Unfold" : "Fold"} ${span.name}`,
                onclick: () => actions.fold(span.spanId),
              },
              icon("chevron"),
            )
          : h("span", { class: "fold" }),
        h("span", { class: "stripe", "aria-hidden": "true" }),
        h(
          "button",
          {
            type: "button",
            class: "row-link",
            title: `${span.service}: ${span.name}`,
            onclick: () => actions.select(isSelected ? null : span.spanId),
          },
          h("span", { class: "service" }, span.service),
          " ",
          span.name,
        ),
        span.status.code === "Error" &&
          h("span", { class: "tone-bad", title: span.status.message }, icon("cross"), h("span", { class: "only-heard" }, "Error")),
      ),
    ),
    h("td", { class: "timeline" }, bar(trace, span, logs)),
  );
}

function bar(trace, span, logs) {
  const left = share(trace, span.start);
  const width = Math.min(100 - left, (100 * span.durationMs) / (trace.durationMs || 1));
  const labelIsLeft = left + width > 80 && left > 20;
  return h(
    "span",
    { class: "lane" },
    ticks.map(tick => h("span", { class: "line", style: { left: `${25 * tick}%` } })),
    h("span", { class: `span-bar ${span.status.code === "Error" ? "bad" : ""}`, style: { left: `${left}%`, width: `${width}%` } }),
    [...span.events, ...logs].map(mark =>
      h("span", {
        class: `mark ${mark.level === "Error" || mark.level === "Critical" || mark.name === "exception" ? "bad" : ""}`,
        style: { left: `${share(trace, mark.time)}%` },
        title: mark.message ?? mark.name,
      }),
    ),
    h(
      "span",
      { class: `span-time ${labelIsLeft ? "left" : ""}`, style: labelIsLeft ? { right: `${100 - left}%` } : { left: `${left + width}%` } },
      duration(span.durationMs),
    ),
  );
}

const share = (trace, at) => Math.min(100, Math.max(0, (100 * (at - trace.start)) / (trace.durationMs || 1)));
