import { h } from "../shared/dom.js";
import { icon } from "../shared/icons.js";

/** Form, colour and words for each state: none of them alone has to carry it. */
const looks = {
  NotStarted: ["ring", "idle", "Not started"],
  Waiting: ["clock", "busy", "Waiting"],
  Starting: ["spin", "busy", "Starting"],
  Running: ["dot", "good", "Running"],
  Unhealthy: ["alert", "warn", "Unhealthy"],
  Stopping: ["spin", "busy", "Stopping"],
  Finished: ["check", "good", "Finished"],
  Exited: ["cross", "bad", "Exited"],
  FailedToStart: ["cross", "bad", "Failed to start"],
};

const look = state => looks[state] ?? ["dot", "idle", state];

export const stateText = state => look(state)[2];

/** To have ended as it was told to is no fault. */
const isOver = resource => resource.state === "Exited" && resource.exitCode === 0;

export const toneOf = resource => (isOver(resource) ? "idle" : look(resource.state)[1]);

/** The state in words: what it waits for, the code it ended with, the check that fails. */
export function state(resource) {
  const [shape, , text] = look(resource.state);
  return h(
    "span",
    { class: `state tone-${toneOf(resource)}` },
    icon(isOver(resource) ? "ring" : shape),
    h("span", { title: text + because(resource) }, text, because(resource)),
  );
}

function because(resource) {
  if (resource.state === "Waiting" && resource.waitingFor.length > 0) return ` for ${resource.waitingFor.join(", ")}`;
  if (resource.state === "Exited" && resource.exitCode != null) return ` with code ${resource.exitCode}`;
  if (resource.state === "Unhealthy") return failing(resource);
  return "";
}

const failing = resource => {
  const checks = resource.health.filter(check => check.status !== "Healthy").map(check => check.description ?? check.name);
  return checks.length > 0 ? `: ${checks.join(", ")}` : "";
};

/** Of a resource's replicas, the one that most needs attention. */
export const worst = replicas => [...replicas].sort((a, b) => severity.indexOf(a.state) - severity.indexOf(b.state))[0];

const severity = ["FailedToStart", "Exited", "Unhealthy", "Waiting", "Starting", "Stopping", "NotStarted", "Running", "Finished"];
