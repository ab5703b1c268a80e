import { h } from "../shared/dom.js";
import { button, copyButton, failed, loading, searchBox } from "../shared/controls.js";
import { get } from "../shared/api.js";
import { isRun } from "../shared/live.js";

/** The variables of one process, or what a parameter is. They change only with a start, so they are asked for once per start. */
export function environment(resource, signal) {
  const list = h("div", {}, loading());
  const search = searchBox({ label: "Filter variables", value: "", onInput: () => render() });
  const element = h(
    "section",
    { class: "section environment" },
    h("h3", {}, isRun(resource) ? "Environment" : "Value"),
    isRun(resource) && search,
    list,
  );
  let variables = [];
  let start = null;

  function render() {
    const wanted = search.value.toLowerCase();
    const shown = variables.filter(variable => variable.name.toLowerCase().includes(wanted));
    list.replaceChildren(
      shown.length === 0
        ? h("p", { class: "muted" }, "No variables.")
        : h(
            "dl",
            { class: "properties" },
            shown.map(variable => h("div", {}, h("dt", {}, variable.name), value(resource, variable, signal))),
          ),
    );
  }

  return {
    element,
    async refresh(latest) {
      if (start === latest.startedAt) return;
      start = latest.startedAt;
      try {
        variables = (await get(`/api/resources/${encodeURIComponent(resource.id)}/environment`, {}, signal)).variables;
        render();
      } catch (problem) {
        if (!signal.aborted) list.replaceChildren(failed(problem));
      }
    },
  };
}

/** A secret is not even on the page until it is asked for. */
function value(resource, variable, signal) {
  const cell = h("dd");
  const show = text =>
    cell.replaceChildren(h("span", { class: "value" }, text || h("span", { class: "muted" }, "(empty)")), copyButton(text, variable.name));
  if (!variable.secret) {
    show(variable.value ?? "");
    return cell;
  }
  const reveal = button({
    label: `Reveal ${variable.name}`,
    icon: "eye",
    quiet: true,
    onClick: async () => {
      try {
        show(
          (await get(`/api/resources/${encodeURIComponent(resource.id)}/environment/${encodeURIComponent(variable.name)}`, {}, signal))
            .value,
        );
      } catch (problem) {
        if (!signal.aborted) cell.replaceChildren(h("span", { role: "alert" }, problem.message), reveal);
      }
    },
  });
  cell.append(h("span", { class: "value masked", "aria-label": "Secret, not shown" }, "••••••••"), reveal);
  return cell;
}
