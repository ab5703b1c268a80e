import { h, morphChildren } from "../shared/dom.js";
import { properties, section, table } from "../shared/page.js";
import { copyButton } from "../shared/controls.js";
import { isRun, keyOf, live } from "../shared/live.js";
import { refine, to } from "../shared/router.js";
import { bytes, cores, dateTime, time } from "../shared/format.js";
import { state } from "./state.js";
import { commands } from "./commands.js";
import { environment } from "./environment.js";
import { addresses } from "./addresses.js";

/** One resource in full. */
export function showDetails(pane, signal) {
  const close = () => refine({ selected: null });
  let shown = null;
  let variables = null;

  return {
    render(resource) {
      if (!resource) {
        shown = null;
        pane.hide();
        return;
      }
      if (shown !== resource.id) {
        shown = resource.id;
        variables = environment(resource, signal);
        pane.show(resource.displayName, close);
        pane.body.replaceChildren(h("div"), variables.element);
      }
      variables.refresh(resource);
      morphChildren(
        pane.body.firstChild,
        parts(resource).filter(part => part),
      );
    },
  };
}

const parts = resource =>
  isRun(resource)
    ? [
        h("div", { class: "lead" }, state(resource), commands(resource, { short: false })),
        resource.lastLines?.length > 0 && section("Last lines", h("pre", { class: "block" }, resource.lastLines.join("\n"))),
        h(
          "nav",
          { class: "elsewhere", "aria-label": `More of ${resource.displayName}` },
          h("a", { href: to("console", keyOf(resource)) }, "Console"),
          h("a", { href: to("logs", "", { resource: resource.name }) }, "Structured logs"),
          h("a", { href: to("traces", "", { resource: resource.name }) }, "Traces"),
          h("a", { href: to("metrics", "", { resource: resource.name }) }, "Metrics"),
        ),
        section(
          "Process",
          properties([
            ["Type", resource.type],
            ["Source", resource.source, copyButton(resource.source ?? "", "source")],
            ["Process id", resource.pid],
            ["CPU", resource.cpu == null ? null : `${cores(resource.cpu)} of a core`],
            ["Memory", resource.memory == null ? null : bytes(resource.memory)],
            ["Created", at(resource.createdAt)],
            ["Started", at(resource.startedAt)],
            ["Stopped", at(resource.stoppedAt)],
            ["Exit code", resource.exitCode],
          ]),
        ),
        resource.health.length > 0 &&
          section(
            "Health",
            table(
              `Health checks of ${resource.displayName}`,
              [["Check"], ["Status"], ["At"]],
              resource.health.map(check =>
                h(
                  "tr",
                  {},
                  h("td", {}, check.name),
                  h(
                    "td",
                    {},
                    h("span", { class: check.status === "Healthy" ? "tone-good" : "tone-warn" }, check.status ?? "Not asked yet"),
                    check.description && h("div", { class: "muted small" }, check.description),
                    check.exception && h("details", {}, h("summary", {}, "Exception"), h("pre", { class: "block" }, check.exception)),
                  ),
                  h("td", { class: "nowrap" }, check.at ? time(check.at) : "–"),
                ),
              ),
            ),
          ),
        resource.urls.length > 0 &&
          section(
            "Addresses",
            properties([
              ...resource.urls.map(url => [
                url.internal ? `${url.name} (internal)` : url.name,
                addresses([url]),
                copyButton(url.url, `address ${url.name}`),
              ]),
            ]),
          ),
        ...relations(resource),
      ]
    : relations(resource);

const at = milliseconds => (milliseconds ? dateTime(milliseconds) : null);

function relations(resource) {
  const users = live.resources.filter(other => other.references.includes(resource.name));
  const waiting = live.resources.filter(other => other.waitsFor.some(wait => wait.name === resource.name));
  return [
    ["Waits for", resource.waitsFor.map(wait => [wait.name, wait.type === "completion" ? "to finish" : "to be healthy"])],
    ["Refers to", resource.references.map(name => [name])],
    ["Waited for by", unique(waiting)],
    ["Referred to by", unique(users)],
  ]
    .filter(([, names]) => names.length > 0)
    .map(([title, names]) =>
      section(
        title,
        h(
          "ul",
          { class: "relations" },
          names.map(([name, how]) => h("li", {}, link(name), how && h("span", { class: "muted" }, ` ${how}`))),
        ),
      ),
    );
}

const unique = resources => [...new Set(resources.map(other => other.name))].map(name => [name]);

function link(name) {
  const other = live.resources.find(known => known.name === name);
  return other
    ? h("button", { type: "button", class: "link", onclick: () => refine({ selected: keyOf(other) }, { remember: true }) }, name)
    : name;
}
