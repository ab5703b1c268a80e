import { get } from "./api.js";
import { listen } from "./stream.js";

const patience = 3000;

/**
 * What every view knows of the running application: its resources, and how much telemetry there is. Events: `resources`,
 * `telemetry`, `connection` when the AppHost has gone or come back, and `back` in the latter case only: time to read again.
 */
class Live extends EventTarget {
  application = "";
  /** null until they are known */
  resources = null;
  telemetry = null;
  /** "connecting", "connected", "lost" or "signed-out" */
  connection = "connecting";

  start(signal) {
    listen(
      () => "/api/stream",
      {
        events: {
          resources: state => {
            this.application = state.application;
            this.resources = state.resources;
            this.#tell("resources");
          },
          telemetry: totals => {
            this.telemetry = totals;
            this.#tell("telemetry");
          },
        },
        opened: () => this.#connectionIs("connected"),
        lost: () => this.#askWhy(),
      },
      signal,
    );
  }

  /** Names of what runs, each once, however many replicas. */
  get names() {
    return [...new Set((this.resources ?? []).filter(isRun).map(resource => resource.name))].sort();
  }

  /** By id, or by name: an id is of one run, and a link may outlive it. */
  find(key) {
    return this.resources?.find(resource => resource.id === key) ?? this.resources?.find(resource => resource.name === key);
  }

  /** An event stream does not tell why it was refused; a plain request does. */
  async #askWhy() {
    try {
      await get("/api/resources", {}, AbortSignal.timeout(patience));
    } catch (refused) {
      this.#connectionIs(refused.status === 401 ? "signed-out" : "lost");
    }
  }

  #connectionIs(connection) {
    if (this.connection === connection) return;
    const wasConnecting = this.connection === "connecting";
    this.connection = connection;
    this.#tell("connection");
    if (connection === "connected" && !wasConnecting) this.#tell("back");
  }

  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}

export const live = new Live();

/** What a link to a resource says: the name, where it tells which one is meant. */
export const keyOf = resource => (resource.replicas > 1 ? resource.id : resource.name);

/** Everything that has a life of its own; parameters and connection strings are only values. */
export const isRun = resource => resource.type !== "Parameter" && resource.type !== "ConnectionString";
