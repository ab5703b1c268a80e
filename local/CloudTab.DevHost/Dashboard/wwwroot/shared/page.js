import { h } from "./dom.js";
import { button } from "./controls.js";
import { moveByArrows } from "./rows.js";

/** The frame of a view: title, toolbar, a scrolling middle, a footer, and details beside it. */
export function page(main, title, className, signal) {
  const heading = h("h1", {}, title);
  const toolbar = h("div", { class: "toolbar", role: "group", "aria-label": "Filters and actions" });
  const body = h("div", { class: "body", tabindex: "0", role: "region", "aria-label": title });
  const footer = h("footer", { class: "footer" });
  const details = h("aside", { class: "details", hidden: true });
  main.className = className;
  main.replaceChildren(h("div", { class: "view" }, h("header", { class: "head" }, heading, toolbar), body, footer), details);
  moveByArrows(main, signal);
  return { heading, toolbar, body, footer, details: detailsPane(details, signal) };
}

/** What one row says in full. Escape closes it and gives the focus back to where it was opened. */
function detailsPane(pane, signal) {
  let close = () => {};
  let opener = null;
  const body = h("div", { class: "details-body", tabindex: "0", role: "region", "aria-label": "Details" });

  function hide() {
    if (pane.hidden) return;
    pane.hidden = true;
    pane.replaceChildren();
    if (opener?.isConnected) opener.focus();
  }

  document.addEventListener(
    "keydown",
    event => {
      if (event.key === "Escape" && !pane.hidden && !document.querySelector("dialog[open]")) close();
    },
    { signal },
  );

  return {
    body,
    hide,
    /** Opens, or changes the title of what is open; `body` is for the caller to fill. */
    show(title, onClose) {
      close = onClose;
      const heading = h("h2", { title, tabindex: "-1" }, title);
      const head = h(
        "header",
        { class: "details-head" },
        heading,
        button({ label: "Close details", icon: "close", quiet: true, onClick: onClose }),
      );
      pane.setAttribute("aria-label", title);
      if (!pane.hidden) {
        pane.firstElementChild.replaceWith(head);
        return;
      }
      opener = document.activeElement;
      pane.replaceChildren(head, body);
      pane.hidden = false;
      heading.focus();
    },
  };
}

/** Names and values, each value with whatever acts on it. */
export const properties = rows =>
  h(
    "dl",
    { class: "properties" },
    rows
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .map(([name, value, ...actions]) => h("div", {}, h("dt", {}, name), h("dd", {}, h("span", { class: "value" }, value), actions))),
  );

export const section = (title, ...content) => h("section", { class: "section" }, h("h3", {}, title), ...content);

/** A table of one view's rows; its box scrolls, never the page. */
export const table = (label, columns, rows) =>
  h(
    "table",
    { "aria-label": label },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        columns.map(([name, className]) => h("th", { scope: "col", class: className }, name)),
      ),
    ),
    h("tbody", {}, rows),
  );
