import { h, morphChildren } from "../shared/dom.js";
import { failed } from "../shared/controls.js";
import { refine } from "../shared/router.js";
import { every } from "./every.js";
import { legend, lineChart } from "./chart.js";
import { intervalOf, kindText, seriesOf } from "./series.js";

/** All instruments of a meter, each small; one is opened by its name. Only those in sight are read. */
export function meterCharts(box, instruments, minutes, signal) {
  const cards = instruments.map(instrument => card(instrument, minutes, signal));
  box.replaceChildren(
    h("h2", {}, instruments[0].meter),
    h(
      "div",
      { class: "chart-grid" },
      cards.map(one => one.element),
    ),
  );
  const sight = new IntersectionObserver(entries => {
    for (const entry of entries) cards.find(one => one.element === entry.target).inSight(entry.isIntersecting);
  });
  cards.forEach(one => sight.observe(one.element));
  signal.addEventListener("abort", () => sight.disconnect());
}

function card(instrument, minutes, signal) {
  const plot = h("div", { class: "plot" });
  const values = h("div", { class: "values", tabindex: "0", role: "region", "aria-label": `Values of ${instrument.name}` });
  const element = h(
    "section",
    { class: "chart", "aria-label": instrument.name },
    h(
      "h3",
      {},
      h(
        "button",
        { type: "button", class: "link", onclick: () => refine({ meter: instrument.meter, name: instrument.name }, { remember: true }) },
        instrument.name,
      ),
    ),
    h("p", { class: "muted small" }, [instrument.description, kindText(instrument)].filter(text => text).join(" · ")),
    plot,
    values,
  );
  let draw = null;
  let seen = null;

  async function read() {
    try {
      const { lines } = await seriesOf(instrument, { minutes }, signal);
      draw ??= lineChart(plot, { label: instrument.name, unit: lines.unit, height: 160, signal });
      draw(lines);
      morphChildren(values, [legend(lines)]);
    } catch (problem) {
      if (!signal.aborted && draw === null) values.replaceChildren(failed(problem));
    }
  }

  return {
    element,
    inSight(isSeen) {
      seen?.abort();
      seen = isSeen ? new AbortController() : null;
      if (isSeen) every(intervalOf(minutes), read, AbortSignal.any([signal, seen.signal]));
    },
  };
}
