import { svg } from "./dom.js";

/** Strokes on a grid of 16. */
const strokes = {
  resources: "M2.5 2.5h4.5v4.5h-4.5zM9 2.5h4.5v4.5h-4.5zM2.5 9h4.5v4.5h-4.5zM9 9h4.5v4.5h-4.5z",
  console: "M2 3h12v10h-12zM4.5 6l2 2-2 2M8.5 10h3",
  logs: "M2.5 4h11M2.5 8h11M2.5 12h7",
  traces: "M2 4h7M5 8h9M8 12h4",
  metrics: "M2 2v12h12M4.5 10.5l3-4 2.5 2 3.5-5",
  start: "M5 3l8 5-8 5z",
  stop: "M4 4h8v8h-8z",
  restart: "M13 8a5 5 0 1 1-1.5-3.5M12 1.5v3.2h-3.2",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  check: "M3 8.5l3.2 3.2 7-7.2",
  cross: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  alert: "M8 2l6.5 11.5h-13zM8 6.5v3.5M8 11.8v.2",
  clock: "M8 2a6 6 0 1 0 0.01 0M8 4.5v3.7l2.5 1.5",
  spin: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
  ring: "M8 3a5 5 0 1 0 0.01 0",
  sun: "M8 5a3 3 0 1 0 0.01 0M8 1v1.5M8 13.5v1.5M1 8h1.5M13.5 8h1.5M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
  moon: "M13 9.5a5.5 5.5 0 1 1-6.5-6.5 4.5 4.5 0 0 0 6.5 6.5z",
  help: "M5.5 6a2.5 2.5 0 1 1 3.7 2.2c-.8.5-1.2.9-1.2 1.8M8 12.8v.2",
  download: "M8 2v8M4.5 7l3.5 3.5 3.5-3.5M2.5 13.5h11",
  chevron: "M6 3.5l4.5 4.5-4.5 4.5",
  eye: "M1.5 8c2-3.3 4.2-4.8 6.5-4.8s4.5 1.5 6.5 4.8c-2 3.3-4.2 4.8-6.5 4.8s-4.5-1.5-6.5-4.8zM8 6.2a1.8 1.8 0 1 0 0.01 0",
  filter: "M2 3h12l-4.5 5.5v4.5l-3-1.5v-3z",
  back: "M10 3.5l-4.5 4.5 4.5 4.5",
  dot: "M8 4.5a3.5 3.5 0 1 0 0.01 0",
};

/** Beside a text, or within a button that has a name: it says nothing of its own. */
export const icon = (name, className = "") =>
  svg(
    "svg",
    { class: `icon icon-${name} ${className}`.trim(), viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("path", { d: strokes[name] }),
  );
