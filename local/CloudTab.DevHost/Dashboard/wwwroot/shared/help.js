import { h } from "./dom.js";
import { button } from "./controls.js";

const setting = "shortcuts-off";

/** What the keys do. Keys without a modifier disturb some users' input: they can be turned off (WCAG 2.1.4). */
export function helpDialog(views) {
  const keys = [
    ...views.map(view => [view.key, view.title]),
    ["/", "Filter what is shown"],
    ["↑ ↓", "From row to row"],
    ["← →", "In a trace: fold and unfold a span"],
    ["Esc", "Close the details"],
    ["?", "This help"],
  ];
  const on = h("input", {
    type: "checkbox",
    checked: localStorage.getItem(setting) === null,
    onchange: () => (on.checked ? localStorage.removeItem(setting) : localStorage.setItem(setting, "true")),
  });
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "help-title" },
    h(
      "header",
      { class: "details-head" },
      h("h2", { id: "help-title" }, "Keyboard shortcuts"),
      button({ label: "Close help", icon: "close", quiet: true, onClick: () => dialog.close() }),
    ),
    h(
      "dl",
      { class: "keys" },
      keys.map(([key, what]) =>
        h(
          "div",
          {},
          h("dt", {}, what),
          h(
            "dd",
            {},
            key.split(" ").map(one => h("kbd", {}, one)),
          ),
        ),
      ),
    ),
    h("label", { class: "check" }, on, "Shortcuts of a single letter"),
  );
  return { dialog, open: () => dialog.showModal(), shortcutsAreOn: () => on.checked };
}
