import { h } from "../shared/dom.js";
import { properties, section } from "../shared/page.js";
import { button, copyButton, id } from "../shared/controls.js";
import { refine, to } from "../shared/router.js";
import { dateTime } from "../shared/format.js";
import { addAttribute } from "./attribute-filter.js";
import { level } from "./row.js";

/** One log in full. */
export function logDetails(pane) {
  let shown = null;
  return {
    render(log) {
      if (log && shown === log.seq) return;
      shown = log?.seq ?? null;
      if (!log) {
        pane.hide();
        return;
      }
      pane.show(log.category, () => refine({ selected: null }));
      pane.body.replaceChildren(...parts(log));
    },
  };
}

const parts = log => [
  section(["Message", copyButton(log.message, "message")], h("p", { class: "block text" }, log.message)),
  ...(log.exception ? [section(["Exception", copyButton(log.exception, "exception")], h("pre", { class: "block" }, log.exception))] : []),
  section(
    "Attributes",
    Object.keys(log.attributes).length === 0
      ? h("p", { class: "muted" }, "None.")
      : properties(
          Object.entries(log.attributes).map(([name, value]) => [
            name,
            String(value),
            copyButton(String(value), name),
            button({
              label: `Show only logs with this ${name}`,
              icon: "filter",
              quiet: true,
              onClick: () => addAttribute(`${name}:${value}`),
            }),
          ]),
        ),
  ),
  section(
    "Context",
    properties([
      ["Resource", log.resource],
      ["Instance", log.instance],
      ["Level", level(log.level)],
      ["Time", dateTime(log.time)],
      ["Category", log.category, copyButton(log.category, "category")],
      ["Template", log.template],
      [
        "Trace",
        log.traceId &&
          h(
            "span",
            {},
            h("a", { href: to("traces", log.traceId, { span: log.spanId }) }, "Open the trace"),
            " ",
            id(log.traceId, "trace id"),
          ),
      ],
      ["Span", log.spanId && id(log.spanId, "span id")],
      [
        "Same trace",
        log.traceId && h("button", { type: "button", class: "link", onclick: () => refine({ trace: log.traceId }) }, "Show only its logs"),
      ],
    ]),
  ),
];
