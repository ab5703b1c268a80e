import { button, say } from "../shared/controls.js";
import { h } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { post } from "../shared/api.js";
import { keyOf } from "../shared/live.js";
import { to } from "../shared/router.js";

const texts = { start: "Start", stop: "Stop", restart: "Restart" };

/** What can be done with a resource now; those that cannot be are shown too, so that buttons keep their place. */
export const commands = (resource, { short }) =>
  h(
    "span",
    { class: "commands" },
    Object.entries(texts).map(([command, text]) =>
      button({
        icon: command,
        text: short ? null : text,
        label: `${text} ${resource.displayName}`,
        quiet: short,
        disabled: !resource.commands.includes(command),
        onClick: () => order(resource, command),
      }),
    ),
    short &&
      h(
        "a",
        {
          class: "button quiet only-icon",
          href: to("console", keyOf(resource)),
          "aria-label": `Console of ${resource.displayName}`,
          title: `Console of ${resource.displayName}`,
        },
        icon("console"),
      ),
  );

/** Its effect is seen in the resource's state; a refusal is told. */
async function order(resource, command) {
  try {
    await post(`/api/resources/${encodeURIComponent(resource.id)}/commands/${command}`);
    say(`${texts[command]} ${resource.displayName}: asked for`);
  } catch (refused) {
    tell(`${texts[command]} ${resource.displayName}`, refused.message);
  }
}

function tell(what, why) {
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-label": what, onclick: () => dialog.close() },
    h("h2", {}, `${what}: refused`),
    h("p", {}, why),
    h("form", { method: "dialog" }, h("button", { class: "button" }, "Close")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
