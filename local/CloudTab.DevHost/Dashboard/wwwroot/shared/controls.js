import { h } from "./dom.js";
import { icon } from "./icons.js";
import { shortId } from "./format.js";

const typingPause = 200;

export function searchBox({ label, placeholder = "Filter", value, onInput }) {
  let pause;
  return h("input", {
    type: "search",
    class: "search",
    "aria-label": label,
    placeholder,
    value,
    autocomplete: "off",
    spellcheck: "false",
    oninput: event => {
      clearTimeout(pause);
      pause = setTimeout(() => onInput(event.target.value), typingPause);
    },
  });
}

/** @param options pairs of value and text */
export function select({ label, options, value, onChange }) {
  const list = h("select", { "aria-label": label, onchange: event => onChange(event.target.value) });
  setOptions(list, options, value);
  return h("label", { class: "field" }, h("span", {}, label), list);
}

/** Keeps a value that is not among the options: a link may name what is not there yet. */
export function setOptions(list, options, value) {
  const known = options.some(([name]) => name === value) ? options : [...options, [value, value]];
  const wanted = known.map(([name, text]) => h("option", { value: name }, text));
  if (list.options.length !== wanted.length || wanted.some((option, i) => !option.isEqualNode(list.options[i])))
    list.replaceChildren(...wanted);
  list.value = value;
}

/** One of a few: radio buttons that look like one control. */
export function segmented({ label, options, value, onChange }) {
  const name = `choice-${crypto.randomUUID()}`;
  return h(
    "div",
    { class: "segmented", role: "radiogroup", "aria-label": label },
    options.map(([option, text]) =>
      h(
        "label",
        {},
        h("input", { type: "radio", name, value: option, checked: option === value, onchange: () => onChange(option) }),
        h("span", {}, text),
      ),
    ),
  );
}

export const button = ({ text, label, icon: shape, onClick, quiet = false, disabled = false, className = "" }) =>
  h(
    "button",
    {
      type: "button",
      class: `button ${quiet ? "quiet" : ""} ${text ? "" : "only-icon"} ${className}`.trim(),
      "aria-label": label,
      title: label,
      disabled,
      onclick: onClick,
    },
    shape && icon(shape),
    text && h("span", {}, text),
  );

export function toggle({ text, value, onChange }) {
  const control = h(
    "button",
    {
      type: "button",
      class: "button toggle",
      "aria-pressed": String(value),
      onclick: () => {
        const pressed = control.getAttribute("aria-pressed") !== "true";
        control.setAttribute("aria-pressed", String(pressed));
        onChange(pressed);
      },
    },
    text,
  );
  return control;
}

export function copyButton(text, what) {
  const label = `Copy ${what}`;
  return button({
    label,
    icon: "copy",
    quiet: true,
    onClick: async event => {
      const control = event.currentTarget;
      await navigator.clipboard.writeText(text);
      control.replaceChildren(icon("check"));
      say(`Copied ${what}`);
      setTimeout(() => control.replaceChildren(icon("copy")), 1500);
    },
  });
}

/** A long id, cut, that can be copied whole. */
export const id = (value, what) => h("span", { class: "id" }, h("code", { title: value }, shortId(value)), copyButton(value, what));

export const chip = (text, onRemove) =>
  h(
    "span",
    { class: "chip" },
    h("span", {}, text),
    button({ label: `Remove filter ${text}`, icon: "close", quiet: true, onClick: onRemove }),
  );

export const empty = (title, hint) => h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), hint && h("p", {}, hint));

export const failed = problem =>
  h(
    "div",
    { class: "empty", role: "alert" },
    h("p", { class: "empty-title" }, icon("alert"), " This could not be read"),
    h("p", {}, problem.message),
  );

export const loading = () => h("div", { class: "empty", "aria-busy": "true" }, h("p", {}, "Loading …"));

/** Tells a screen reader of something that is only seen otherwise. */
export function say(text) {
  document.getElementById("announcements").textContent = text;
}
