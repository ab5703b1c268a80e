import uPlot from "../vendor/uplot/uPlot.esm.js";
import { h } from "../shared/dom.js";
import { colours } from "../shared/colors.js";
import { inUnit, time } from "../shared/format.js";

/** A canvas knows nothing of style sheets: a class's colour is read for it, and again when the theme changes. */
function ink(box, className) {
  const probe = box.appendChild(h("span", { class: className }));
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

/**
 * A line for each series over time, with crosshairs that all charts of a page share. Returns what takes new data:
 * {times, series: [{label, values}]}.
 */
export function lineChart(box, { label, unit, height, signal }) {
  let plot = null;
  let drawn = null;

  function draw() {
    plot?.destroy();
    const { times, series } = drawn;
    plot = new uPlot(
      {
        width: Math.max(200, box.clientWidth),
        height,
        cursor: { sync: { key: "metrics" }, y: false },
        legend: { show: false },
        scales: { y: { range: (_, low, high) => range(low, high) } },
        axes: [
          { ...axis(box), size: 26, values: (_, ticks, __, ___, step) => ticks.map(tick => clock(tick, step)) },
          {
            ...axis(box),
            size: 74,
            incrs: unit.startsWith("By") ? binarySteps : undefined,
            values: (_, ticks) => ticks.map(tick => inUnit(tick, unit)),
          },
        ],
        series: [
          {},
          ...series.map((one, i) => ({
            label: one.label,
            stroke: ink(box, `series hue-${i % colours}`),
            width: 1.5,
            points: { size: 4 },
            spanGaps: false,
          })),
        ],
      },
      [times, ...series.map(one => one.values)],
      box,
    );
    const canvas = box.querySelector("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Chart of ${label}; its values are in the table below`);
  }

  new ResizeObserver(() => plot?.setSize({ width: Math.max(200, box.clientWidth), height })).observe(box);
  window.addEventListener("themechange", () => drawn && draw(), { signal });
  signal.addEventListener("abort", () => plot?.destroy());

  return data => {
    const isSame = drawn?.series.map(one => one.label).join("\n") === data.series.map(one => one.label).join("\n");
    drawn = data;
    if (plot && isSame) plot.setData([data.times, ...data.series.map(one => one.values)]);
    else draw();
  };
}

/** From zero, unless there is less than zero; a flat line at zero has a height too. */
const range = (low, high) => [Math.min(0, low ?? 0), Math.max(high ?? 0, 1e-9) * 1.08 || 1];

function axis(box) {
  const line = { stroke: ink(box, "grid-line"), width: 1 };
  return { stroke: ink(box, "muted"), font: "11px system-ui, sans-serif", grid: line, ticks: { ...line, size: 4 } };
}

/** Bytes are told in powers of 1024, so the ticks are too. */
const binarySteps = Array.from({ length: 50 }, (_, power) => 2 ** power);

/** Seconds only where the ticks are less than a minute apart. */
const clock = (seconds, step) => time(seconds * 1000).slice(0, step < 60 ? 8 : 5);

/** The newest value of each line, and its range: the chart's legend, and its text alternative. */
export const legend = ({ series, unit }) =>
  h(
    "table",
    { class: "legend-table", "aria-label": "Values" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["Series", "Now", "Least", "Most"].map((name, i) => h("th", { scope: "col", class: i > 0 ? "number" : "" }, name)),
      ),
    ),
    h(
      "tbody",
      {},
      series.map((one, i) => {
        const values = one.values.filter(value => value !== null);
        const cell = value => h("td", { class: "number" }, value === undefined ? "–" : inUnit(value, unit));
        return h(
          "tr",
          { "data-key": one.label },
          h("th", { scope: "row" }, h("span", { class: `swatch series hue-${i % colours}` }), one.label),
          cell(values.at(-1)),
          cell(values.length > 0 ? Math.min(...values) : undefined),
          cell(values.length > 0 ? Math.max(...values) : undefined),
        );
      }),
    ),
  );
