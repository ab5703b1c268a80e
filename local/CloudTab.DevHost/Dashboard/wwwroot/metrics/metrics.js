import { h, morphChildren } from "../shared/dom.js";
import { page } from "../shared/page.js";
import { empty, failed, loading, searchBox, segmented, select, setOptions } from "../shared/controls.js";
import { get } from "../shared/api.js";
import { live } from "../shared/live.js";
import { current, refine, to } from "../shared/router.js";
import { plural } from "../shared/format.js";
import { every } from "./every.js";
import { meterCharts } from "./meter.js";
import { instrumentChart } from "./instrument.js";

const catalogueEvery = 5000;

/** Instruments by meter at one side; at the other the charts of a meter, or one instrument in full. */
export function showMetrics(main, address, signal) {
  const view = page(main, "Metrics", "metrics", signal);
  const resources = select({
    label: "Resource",
    options: [],
    value: "",
    onChange: resource => refine({ resource, meter: null, name: null, by: null, where: null }),
  });
  const search = searchBox({ label: "Filter instruments", value: address.query.get("text"), onInput: text => refine({ text }) });
  const range = segmented({
    label: "Time range",
    value: address.query.get("minutes") ?? "5",
    options: [
      ["1", "1 min"],
      ["5", "5 min"],
      ["15", "15 min"],
      ["60", "60 min"],
    ],
    onChange: minutes => refine({ minutes }),
  });
  view.toolbar.append(resources, search, range);
  const tree = h("nav", { class: "meters", "aria-label": "Instruments by meter" });
  const charts = h("div", { class: "charts" });
  view.body.append(loading());
  let query = address.query;
  let instruments = null;
  let shown = null;
  let stop = null;

  async function read() {
    try {
      instruments = (await get("/api/metrics", {}, signal)).instruments;
      render();
    } catch (problem) {
      if (!signal.aborted && instruments === null) view.body.replaceChildren(failed(problem));
    }
  }

  function render() {
    if (instruments === null) return;
    if (instruments.length === 0) {
      view.body.replaceChildren(empty("No metrics yet", "Instruments appear here when the services first report them."));
      return;
    }
    if (!charts.isConnected) view.body.replaceChildren(tree, charts);
    const names = [...new Set(instruments.map(one => one.resource))].sort();
    const resource = query.get("resource") ?? names[0];
    setOptions(
      resources.querySelector("select"),
      names.map(name => [name, name]),
      resource,
    );
    const mine = instruments.filter(one => one.resource === resource);
    const text = (query.get("text") ?? "").toLowerCase();
    const listed = mine.filter(one => `${one.meter} ${one.name} ${one.description ?? ""}`.toLowerCase().includes(text));
    const meter = query.get("meter") ?? listed[0]?.meter;
    const instrument = mine.find(one => one.meter === meter && one.name === query.get("name"));
    morphChildren(tree, [meters(listed, resource, meter, query)]);
    view.footer.textContent = `${plural(mine.length, "instrument")} of ${resource}. Counters are shown as rates, histograms as percentiles.`;
    draw(
      mine.filter(one => one.meter === meter && (text === "" || instrument || listed.includes(one))),
      instrument,
    );
  }

  /** Charts stay while they show the same; their values are read by themselves. */
  function draw(ofMeter, instrument) {
    const wanted = JSON.stringify([query.get("minutes"), query.get("by"), query.getAll("where"), instrument ?? ofMeter]);
    if (wanted === shown) return;
    shown = wanted;
    stop?.abort();
    stop = new AbortController();
    const ended = AbortSignal.any([signal, stop.signal]);
    const minutes = query.get("minutes") ?? "5";
    if (instrument) instrumentChart(charts, instrument, { minutes, by: query.get("by"), where: query.getAll("where") }, ended);
    else if (ofMeter.length > 0) meterCharts(charts, ofMeter, minutes, ended);
    else charts.replaceChildren(empty("No instrument matches", "Clear the filter to see all of them."));
  }

  every(catalogueEvery, read, signal);
  live.addEventListener("back", read, { signal });
  return changed => {
    query = changed.query;
    for (const input of range.querySelectorAll("input")) input.checked = input.value === (query.get("minutes") ?? "5");
    render();
  };
}

function meters(instruments, resource, chosen, query) {
  const link = (meter, name) => to("metrics", "", { resource, text: query.get("text"), minutes: query.get("minutes"), meter, name });
  const isHere = (meter, name) => (chosen === meter && (query.get("name") ?? "") === name ? "page" : null);
  return h(
    "ul",
    {},
    [...Map.groupBy(instruments, one => one.meter)].sort().map(([meter, its]) =>
      h(
        "li",
        { "data-key": meter },
        h("a", { class: "meter", href: link(meter), "aria-current": isHere(meter, "") }, meter),
        h(
          "ul",
          {},
          its
            .sort((a, b) => a.name.localeCompare(b.name))
            .map(one =>
              h(
                "li",
                { "data-key": one.name },
                h("a", { href: link(meter, one.name), "aria-current": isHere(meter, one.name), title: one.description }, one.name),
              ),
            ),
        ),
      ),
    ),
  );
}
