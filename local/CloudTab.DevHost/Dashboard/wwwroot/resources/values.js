import { h } from "../shared/dom.js";
import { table } from "../shared/page.js";
import { rowClick } from "../shared/rows.js";
import { refine } from "../shared/router.js";

/** Parameters and connection strings: what they refer to and who is told of them. */
export const values = shown =>
  table(
    "Parameters and connection strings",
    [["Name"], ["Type"], ["Refers to"]],
    shown.map(resource =>
      h(
        "tr",
        { "data-key": resource.id, onclick: rowClick },
        h(
          "td",
          { class: "name" },
          h(
            "button",
            { type: "button", class: "row-link", onclick: () => refine({ selected: resource.name }, { remember: true }) },
            resource.displayName,
          ),
        ),
        h("td", { class: "kind" }, resource.type === "ConnectionString" ? "Connection string" : resource.type),
        h("td", {}, resource.references.length > 0 ? resource.references.join(", ") : "–"),
      ),
    ),
  );
