import { h, morphChildren } from "../shared/dom.js";
import { chip, failed, select } from "../shared/controls.js";
import { refine } from "../shared/router.js";
import { every } from "./every.js";
import { legend, lineChart } from "./chart.js";
import { intervalOf, kindText, seriesOf } from "./series.js";

/** One instrument in full: its lines by an attribute, or of those with a value only; of a histogram, how often it measured as well. */
export function instrumentChart(box, instrument, view, signal) {
  const lines = plotted(instrument.name, 320, signal);
  const rates = plotted(`${instrument.name}: measurements`, 160, signal);
  const problem = h("div");
  box.replaceChildren(
    h("h2", {}, instrument.name),
    h(
      "p",
      { class: "muted" },
      [instrument.description, kindText(instrument), instrument.unit && `unit ${instrument.unit}`].filter(text => text).join(" · "),
    ),
    h("div", { class: "toolbar" }, choices(instrument, view)),
    problem,
    lines.element,
    ...(instrument.kind === "histogram" ? [h("section", {}, h("h3", {}, "Measurements per second"), rates.element)] : []),
  );

  every(
    intervalOf(view.minutes),
    async () => {
      try {
        const data = await seriesOf(instrument, view, signal);
        lines.draw(data.lines);
        if (data.rates) rates.draw(data.rates);
        problem.replaceChildren();
      } catch (refused) {
        if (!signal.aborted) problem.replaceChildren(failed(refused));
      }
    },
    signal,
  );
}

/** A chart and the table of its values. */
function plotted(label, height, signal) {
  const plot = h("div", { class: "plot" });
  const values = h("div", { class: "values full" });
  let draw = null;
  return {
    element: h("div", {}, plot, values),
    draw(data) {
      draw ??= lineChart(plot, { label, unit: data.unit, height, signal });
      draw(data);
      morphChildren(values, [legend(data)]);
    },
  };
}

function choices(instrument, { by, where }) {
  const attributes = Object.entries(instrument.attributes);
  if (attributes.length === 0) return [h("span", { class: "muted" }, "It has no attributes.")];
  return [
    select({
      label: "By",
      options: [["", "Nothing: all in one"], ...attributes.map(([key]) => [key, key])],
      value: by ?? "",
      onChange: key => refine({ by: key }),
    }),
    select({
      label: "Only",
      options: [["", "Add a filter …"], ...attributes.flatMap(([key, all]) => all.map(value => [`${key}:${value}`, `${key} = ${value}`]))],
      value: "",
      onChange: one => refine({ where: [...new Set([...where, one])] }),
    }),
    ...where.map(one => chip(one.replace(":", " = "), () => refine({ where: where.filter(other => other !== one) }))),
  ];
}
