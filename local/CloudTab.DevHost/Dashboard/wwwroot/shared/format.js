// Numbers as people read them: short, and the same in every view.

export const count = value => Math.round(value).toLocaleString("en");

export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** Three significant digits, whatever the size. */
export const short = value => {
  const size = Math.abs(value);
  if (size >= 1e9) return `${digits(value / 1e9)} G`;
  if (size >= 1e6) return `${digits(value / 1e6)} M`;
  return size >= 1e4 ? `${digits(value / 1e3)} k` : digits(value);
};

const digits = value => {
  const size = Math.abs(value);
  return value.toLocaleString("en", { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3 });
};

export function duration(ms) {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 1000) return `${digits(ms)} ms`;
  if (ms < 60_000) return `${digits(ms / 1000)} s`;
  return span(ms);
}

/** Whole units, at most two. */
function span(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

export const ago = time => `${span(Math.max(0, Date.now() - time))} ago`;

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.abs(value) || 1) / 10)));
  return `${digits(value / 1024 ** power)} ${units[power]}`;
}

export const cores = value => `${(value * 100).toLocaleString("en", { maximumFractionDigits: value < 0.1 ? 1 : 0 })} %`;

const two = value => String(value).padStart(2, "0");

/** Time of day, to the millisecond. */
export function time(ms) {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

export function dateTime(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time(ms)}`;
}

export const shortId = id => id.slice(0, 7);

/** A value in a unit of UCUM, as OpenTelemetry's instruments have them. */
export function inUnit(value, unit) {
  const [of, per] = (unit ?? "").split("/");
  const rate = per ? `/${per}` : "";
  if (of === "By") return bytes(value) + rate;
  if (of === "s") return (value === 0 ? "0 s" : value < 0 ? `-${duration(-value * 1000)}` : duration(value * 1000)) + rate;
  if (of === "ms") return (value === 0 ? "0 ms" : duration(value)) + rate;
  if (of === "%") return `${short(value)} %${rate}`;
  return short(value) + rate;
}
