import { h } from "../shared/dom.js";

/** A link where a browser can follow it. */
export const addresses = urls =>
  urls.map(url =>
    h(
      "span",
      { class: "address" },
      /^https?:/.test(url.url) ? h("a", { href: url.url, target: "_blank", rel: "noopener" }, url.url) : h("code", {}, url.url),
    ),
  );
