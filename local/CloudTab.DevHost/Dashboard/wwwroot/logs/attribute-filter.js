import { h } from "../shared/dom.js";
import { current, refine } from "../shared/router.js";

/** A key and a value to filter by; what is typed becomes a chip. */
export function attributeFilter() {
  const input = h("input", {
    type: "text",
    class: "attribute",
    "aria-label": "Filter by attribute, as name:value",
    placeholder: "attribute:value",
    autocomplete: "off",
    spellcheck: "false",
    pattern: "[^:]+:.+",
    title: "An attribute's name, a colon, its value",
  });
  return h(
    "form",
    {
      class: "attribute-form",
      onsubmit: event => {
        event.preventDefault();
        addAttribute(input.value);
        input.value = "";
      },
    },
    input,
  );
}

export function addAttribute(text) {
  const known = current().query.getAll("attribute");
  if (text.includes(":") && !known.includes(text)) refine({ attribute: [...known, text] });
}

export const readAttribute = text => text.replace(":", " = ");
