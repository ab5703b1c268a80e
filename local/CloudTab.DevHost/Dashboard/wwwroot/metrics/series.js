import { get } from "../shared/api.js";

/** How often a chart is read again: a minute's chart moves visibly, an hour's does not. */
export const intervalOf = minutes => (minutes === "1" ? 1000 : minutes === "5" ? 2000 : 5000);

/**
 * What a chart draws of an instrument: {lines, rates}, each as {unit, times, series}. `rates`, of histograms only, is how many
 * measurements there were.
 */
export async function seriesOf({ resource, meter, name }, { minutes, by, where }, signal) {
  const { unit, kind, times, series, rates } = await get("/api/metrics/series", { resource, meter, name, minutes, by, where }, signal);
  const named = lines => lines.map(line => ({ ...line, label: line.label || (by ? `without ${by}` : "all") }));
  return {
    lines: { unit: kind === "counter" ? `${unit}/s` : unit, times, series: named(series) },
    rates: kind === "histogram" ? { unit: "/s", times, series: named(rates) } : null,
  };
}

export const kindText = instrument =>
  ({
    counter: "rate of a counter",
    upDownCounter: "up-down counter",
    gauge: "gauge",
    histogram: "p50, p90 and p99 of a histogram",
  })[instrument.kind] ?? instrument.kind;
