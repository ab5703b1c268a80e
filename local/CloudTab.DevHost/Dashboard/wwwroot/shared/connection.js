import { h } from "./dom.js";
import { icon } from "./icons.js";
import { live } from "./live.js";

/** The strip that says why nothing moves. */
export function showConnection() {
  const strip = h("div", { class: "connection", role: "status" });
  live.addEventListener("connection", () => {
    strip.dataset.state = live.connection;
    strip.replaceChildren(...says[live.connection]());
  });
  return strip;
}

const says = {
  connecting: () => [],
  connected: () => [],
  lost: () => [
    icon("spin"),
    h("span", {}, "The AppHost is gone. What you see is what it last said; the page reconnects by itself when it is back."),
  ],
  "signed-out": () => [
    icon("alert"),
    h(
      "form",
      { action: "/login", method: "get" },
      h("label", { for: "token" }, "Open the link that the AppHost printed when it started, or paste its token:"),
      h("input", { id: "token", name: "t", required: true, autocomplete: "off" }),
      h("button", { class: "button" }, "Sign in"),
    ),
  ],
};
