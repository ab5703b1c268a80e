import { h } from "../shared/dom.js";
import { page } from "../shared/page.js";
import { button, empty, searchBox, select, setOptions, toggle } from "../shared/controls.js";
import { listen } from "../shared/stream.js";
import { follow } from "../shared/follow.js";
import { isRun, keyOf, live } from "../shared/live.js";
import { go, refine, to } from "../shared/router.js";
import { icon } from "../shared/icons.js";
import { count, dateTime, time } from "../shared/format.js";
import { stateText } from "../resources/state.js";
import { plain, runs } from "./ansi.js";

/** The page keeps as many lines; a download has all that the server keeps. */
const kept = 5000;

/** The output of one process. */
export function showConsole(main, address, signal) {
  const view = page(main, "Console", "console", signal);
  const list = h("div", { class: "lines", role: "log", "aria-label": "Output" });
  const none = h("div", {}, empty("Nothing written yet", "Lines appear here as the process writes them."));
  const resources = select({ label: "Resource", options: [], value: "", onChange: chosen => go(to("console", chosen)) });
  const search = searchBox({ label: "Filter lines", value: address.query.get("text"), onInput: text => refine({ text }) });
  const download = h("a", { class: "button", download: "" }, icon("download"), h("span", {}, "Download"));
  const following = toggle({ text: "Follow", value: true, onChange: pressed => end.set(pressed) });
  const end = follow(view.body, { signal, onChange: on => following.setAttribute("aria-pressed", String(on)) });
  const flag = (name, text, byDefault) => {
    const value = address.query.has(name) ? address.query.get(name) === "true" : byDefault;
    list.classList.toggle(name, value);
    return toggle({
      text,
      value,
      onChange: pressed => {
        list.classList.toggle(name, pressed);
        refine({ [name]: pressed === byDefault ? null : String(pressed) });
      },
    });
  };
  view.toolbar.append(
    resources,
    search,
    following,
    flag("wrap", "Wrap", true),
    flag("times", "Times", true),
    button({ text: "Clear", onClick: () => list.replaceChildren() || tell() }),
    download,
  );
  view.body.append(none, list);

  let id = null;
  let text = "";
  let last = 0;
  let stop = null;

  function append(lines) {
    const wanted = lines.filter(line => line.n > last);
    if (wanted.length === 0) return;
    last = wanted.at(-1).n;
    list.append(...wanted.slice(-kept).map(line => row(line, text)));
    while (list.childElementCount > kept) list.firstChild.remove();
    tell();
    end.grown();
  }

  function tell() {
    const lines = list.childElementCount;
    none.hidden = lines > 0;
    const shown = text ? list.querySelectorAll(".row:not([hidden])").length : lines;
    const more = last > lines ? ` of ${count(last)}; the page keeps the last ${count(kept)}, a download has more` : "";
    view.footer.textContent = `${text ? `${count(shown)} of ` : ""}${count(lines)} lines${more}`;
  }

  function choose() {
    const runsNow = (live.resources ?? []).filter(isRun);
    const wanted = current.subject ? live.find(current.subject) : runsNow[0];
    setOptions(
      resources.querySelector("select"),
      runsNow.map(one => [keyOf(one), `${one.displayName} (${stateText(one.state).toLowerCase()})`]),
      wanted ? keyOf(wanted) : current.subject,
    );
    if (wanted && wanted.id !== id) open(wanted.id);
  }

  function open(wanted) {
    id = wanted;
    last = 0;
    stop?.abort();
    stop = new AbortController();
    list.replaceChildren();
    download.href = `/api/resources/${encodeURIComponent(id)}/console.txt`;
    listen(
      () => `/api/resources/${encodeURIComponent(id)}/console?after=${last}`,
      { events: { lines: append } },
      AbortSignal.any([signal, stop.signal]),
    );
    end.set(true);
    tell();
  }

  let current = address;
  const update = changed => {
    current = changed;
    text = (changed.query.get("text") ?? "").toLowerCase();
    for (const line of list.children) line.hidden = !matches(line, text);
    choose();
    tell();
    end.grown();
  };
  live.addEventListener("resources", choose, { signal });
  update(address);
  return update;
}

const matches = (line, text) => text === "" || line.dataset.text.includes(text);

function row(line, filter) {
  const item = h(
    "div",
    { class: line.error ? "row error" : "row", "data-text": plain(line.text).toLowerCase() },
    h("time", { title: dateTime(line.time) }, time(line.time)),
    h("span", { class: "line" }, runs(line.text).map(piece)),
  );
  item.hidden = !matches(item, filter);
  return item;
}

const piece = run =>
  run.classes.length === 0 && !run.ink && !run.paper
    ? run.text
    : h(
        "span",
        {
          class: [...run.classes, run.ink && "ink", run.paper && "paper"].filter(name => name).join(" "),
          style: { ...(run.ink && { "--ink": run.ink }), ...(run.paper && { "--paper": run.paper }) },
        },
        run.text,
      );
