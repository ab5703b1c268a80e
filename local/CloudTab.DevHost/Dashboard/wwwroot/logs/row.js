import { h } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { refine, to } from "../shared/router.js";
import { dateTime, shortId, time } from "../shared/format.js";
import { rowClick } from "../shared/rows.js";
import { colourOf } from "../shared/colors.js";

export const columns = [["Time"], ["Resource"], ["Level"], ["Message", "wide"], ["Trace"]];

const looks = {
  Trace: ["ring", "idle"],
  Debug: ["ring", "idle"],
  Information: ["dot", "info"],
  Warning: ["alert", "warn"],
  Error: ["cross", "bad"],
  Critical: ["cross", "bad"],
};

export function level(name) {
  const [shape, tone] = looks[name] ?? ["ring", "idle"];
  return h("span", { class: `state tone-${tone}` }, icon(shape), name);
}

export const logRow = (log, isSelected) =>
  h(
    "tr",
    { class: isSelected ? "selected" : "", onclick: rowClick },
    h("td", { class: "time" }, h("time", { title: dateTime(log.time) }, time(log.time))),
    h("td", { class: "resource" }, h("span", { class: `dot ${colourOf(log.resource)}` }), log.resource),
    h("td", { class: "level" }, level(log.level)),
    h(
      "td",
      { class: "wide message" },
      h(
        "button",
        {
          type: "button",
          class: "row-link",
          onclick: () => refine({ selected: log.seq }, { remember: true }),
        },
        log.message || h("span", { class: "muted" }, "(no message)"),
      ),
      log.exception && h("span", { class: "tone-bad small exception" }, log.exception.split("\n")[0]),
    ),
    h(
      "td",
      { class: "trace" },
      log.traceId &&
        h(
          "a",
          { href: to("traces", log.traceId, { span: log.spanId }), "aria-label": `Trace ${shortId(log.traceId)}` },
          shortId(log.traceId),
        ),
    ),
  );
