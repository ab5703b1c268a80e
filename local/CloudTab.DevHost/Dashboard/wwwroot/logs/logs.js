import { h } from "../shared/dom.js";
import { page, table } from "../shared/page.js";
import { button, chip, empty, failed, loading, searchBox, select, setOptions, toggle } from "../shared/controls.js";
import { get, url } from "../shared/api.js";
import { listen } from "../shared/stream.js";
import { follow } from "../shared/follow.js";
import { live } from "../shared/live.js";
import { refine } from "../shared/router.js";
import { count, shortId } from "../shared/format.js";
import { attributeFilter, readAttribute } from "./attribute-filter.js";
import { logDetails } from "./details.js";
import { columns, logRow } from "./row.js";

const batch = 200;
/** The page keeps as many rows; older ones are read again on demand. */
const kept = 1000;
const levels = ["Trace", "Debug", "Information", "Warning", "Error", "Critical"];

/** What the services logged, oldest first, the newest as they come. */
export function showLogs(main, address, signal) {
  const view = page(main, "Structured logs", "logs", signal);
  const resources = select({ label: "Resource", options: [["", "All"]], value: "", onChange: resource => refine({ resource }) });
  const level = select({
    label: "Level",
    options: [["", "All"], ...levels.slice(1).map(name => [name, name === "Critical" ? name : `${name} and above`])],
    value: address.query.get("level") ?? "",
    onChange: chosen => refine({ level: chosen }),
  });
  const search = searchBox({ label: "Filter messages", value: address.query.get("text"), onInput: text => refine({ text }) });
  const following = toggle({ text: "Follow", value: true, onChange: pressed => end.set(pressed) });
  const chips = h("span", { class: "chips" });
  view.toolbar.append(resources, level, search, attributeFilter(), following, chips);
  const end = follow(view.body, { signal, onChange: on => following.setAttribute("aria-pressed", String(on)) });
  const details = logDetails(view.details);
  const logs = table("Structured logs", columns, []);
  const rows = logs.querySelector("tbody");
  const older = button({ text: "Older logs", className: "older", onClick: () => readOlder() });
  let query = address.query;
  let filters = null;
  let held = [];
  let totals = { total: 0, dropped: 0 };
  let reading = null;

  async function read() {
    reading?.abort();
    reading = new AbortController();
    const stopped = AbortSignal.any([signal, reading.signal]);
    view.body.replaceChildren(loading());
    try {
      // A link to one record leads to it, however many have come since: they follow in the stream.
      const selected = query.get("selected");
      const first = await get("/api/logs", { ...filters, limit: batch, before: selected && Number(selected) + 1 }, stopped);
      totals = first;
      held = [];
      rows.replaceChildren();
      older.hidden = first.logs.length < batch;
      add(first.logs);
      end.set(!selected);
      rows.querySelector(".selected")?.scrollIntoView({ block: "center" });
      listen(
        () => url("/api/logs/stream", { ...filters, after: held.at(-1)?.seq ?? totals.first + totals.total - 1 }),
        { events: { logs: add } },
        stopped,
      );
    } catch (problem) {
      if (!stopped.aborted) view.body.replaceChildren(failed(problem));
    }
  }

  function add(logs) {
    const fresh = logs.filter(log => log.seq > (held.at(-1)?.seq ?? -1));
    held.push(...fresh);
    rows.append(...fresh.map(log => logRow(log, isSelected(log))));
    // Whoever reads further up is not to lose what they read; twice as many are the bound then.
    const excess = held.length - (end.on ? kept : 2 * kept);
    if (excess > 0) {
      held.splice(0, excess);
      [...rows.children].slice(0, excess).forEach(row => row.remove());
    }
    render();
    end.grown();
  }

  async function readOlder() {
    try {
      const { logs } = await get("/api/logs", { ...filters, before: held[0].seq, limit: batch }, signal);
      const height = view.body.scrollHeight;
      end.set(false);
      held.unshift(...logs);
      rows.prepend(...logs.map(log => logRow(log, isSelected(log))));
      older.hidden = logs.length < batch;
      view.body.scrollTop += view.body.scrollHeight - height;
      render();
    } catch (problem) {
      if (!signal.aborted) older.replaceWith(failed(problem));
    }
  }

  const isSelected = log => String(log.seq) === query.get("selected");

  function render() {
    if (held.length === 0)
      view.body.replaceChildren(
        filtersAre(filters)
          ? empty("No log matches", "Remove a filter to see more.")
          : empty("No logs yet", "They appear here as the services write them."),
      );
    else if (!logs.isConnected) view.body.replaceChildren(older, logs);
    const seen = live.telemetry?.logs ?? totals.total;
    const lost = totals.dropped > 0 ? `; ${count(totals.dropped)} of the oldest are dropped` : "";
    view.footer.textContent = `${count(held.length)} shown of ${count(seen)} received${lost}. The page keeps the last ${count(kept)} rows.`;
    details.render(held.find(isSelected));
  }

  function update(changed) {
    query = changed.query;
    setOptions(resources.querySelector("select"), [["", "All"], ...live.names.map(name => [name, name])], query.get("resource") ?? "");
    level.querySelector("select").value = query.get("level") ?? "";
    if (document.activeElement !== search) search.value = query.get("text") ?? "";
    chips.replaceChildren(...chipsOf(query));
    const wanted = {
      resource: query.get("resource"),
      level: query.get("level"),
      text: query.get("text"),
      trace: query.get("trace"),
      attribute: query.getAll("attribute"),
    };
    if (JSON.stringify(wanted) !== JSON.stringify(filters)) {
      filters = wanted;
      read();
      return;
    }
    if (query.get("selected")) end.set(false);
    [...rows.children].forEach((row, i) => row.classList.toggle("selected", isSelected(held[i])));
    details.render(held.find(isSelected));
  }

  live.addEventListener(
    "resources",
    () =>
      setOptions(resources.querySelector("select"), [["", "All"], ...live.names.map(name => [name, name])], query.get("resource") ?? ""),
    { signal },
  );
  live.addEventListener("telemetry", () => held.length > 0 && render(), { signal });
  live.addEventListener("back", read, { signal });
  update(address);
  return update;
}

const filtersAre = filters => Object.values(filters).some(value => value?.length > 0);

const chipsOf = query => [
  ...(query.get("trace") ? [chip(`trace ${shortId(query.get("trace"))}`, () => refine({ trace: null }))] : []),
  ...query
    .getAll("attribute")
    .map(text => chip(readAttribute(text), () => refine({ attribute: query.getAll("attribute").filter(other => other !== text) }))),
];
