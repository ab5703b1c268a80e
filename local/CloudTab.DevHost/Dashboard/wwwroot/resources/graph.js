import { h, svg } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { refine } from "../shared/router.js";
import { layOut } from "./graph-layout.js";
import { stateText, toneOf, worst } from "./state.js";

const box = { width: 168, height: 44, gapX: 60, gapY: 18, margin: 16 };

/** Who waits for and refers to whom; what is needed stands to the left of what needs it. The same in words stands below. */
export function showGraph(body, signal) {
  let lit = null;
  for (const name of ["pointerover", "focusin"])
    body.addEventListener(name, event => highlight(event.target.closest("[data-node]")?.dataset.node ?? null), { signal });

  return {
    render(resources, selected) {
      const nodes = nodesOf(resources);
      const edges = edgesOf(nodes);
      const place = places(layOut([...nodes.keys()], edges));
      const picture = svg(
        "svg",
        {
          class: "graph",
          width: place.width,
          height: place.height,
          viewBox: `0 0 ${place.width} ${place.height}`,
          role: "group",
          "aria-label": "Graph of resources",
        },
        arrowheads(),
        edges.map(edge =>
          svg("path", {
            class: `edge ${edge.waits ? "waits" : "refers"} ${lit && lit !== edge.from && lit !== edge.to ? "faded" : ""}`,
            d: curve(place.routes.get(edge)),
            "marker-start": `url(#arrow-${edge.waits ? "waits" : "refers"})`,
            "data-from": edge.from,
            "data-to": edge.to,
          }),
        ),
        [...nodes.values()].map(node =>
          nodeBox(
            node,
            place.of.get(node.name),
            node.replicas.some(replica => replica.id === selected),
          ),
        ),
      );
      return h(
        "figure",
        { class: "graph-figure" },
        h("div", { class: "graph-box", tabindex: "0", role: "region", "aria-label": "Graph, scrollable" }, picture),
        h(
          "figcaption",
          {},
          h("span", { class: "legend waits" }, "waits for"),
          h("span", { class: "legend refers" }, "only refers to"),
          h("details", {}, h("summary", {}, "The same in words"), inWords(nodes)),
        ),
      );
    },
  };

  function highlight(name) {
    lit = name;
    for (const edge of body.querySelectorAll(".edge"))
      edge.classList.toggle("faded", lit !== null && lit !== edge.dataset.from && lit !== edge.dataset.to);
  }
}

/** Replicas are one node; parameters are left out, for everything refers to them. */
function nodesOf(resources) {
  const nodes = new Map();
  for (const resource of resources.filter(one => one.type !== "Parameter")) {
    const node = nodes.get(resource.name) ?? { name: resource.name, replicas: [], isValue: resource.type === "ConnectionString", resource };
    node.replicas.push(resource);
    nodes.set(resource.name, node);
  }
  return nodes;
}

/** One edge for each pair: who waits for a resource mostly refers to it as well. */
const edgesOf = nodes =>
  [...nodes.values()].flatMap(({ name, resource }) => {
    const waits = new Set(resource.waitsFor.map(wait => wait.name));
    return [...new Set([...waits, ...resource.references])]
      .filter(other => nodes.has(other) && other !== name)
      .map(other => ({ from: name, to: other, waits: waits.has(other) }));
  });

/** Rows and columns become coordinates; each column is centred. */
function places({ columns, routes }) {
  const rows = Math.max(...columns.map(column => column.length));
  const height = rows * (box.height + box.gapY) - box.gapY + 2 * box.margin;
  const point = item => ({
    x: box.margin + item.column * (box.width + box.gapX),
    y: height / 2 + (item.row - (columns[item.column].length - 1) / 2) * (box.height + box.gapY),
    isNode: item.name !== undefined,
  });
  return {
    height,
    width: columns.length * (box.width + box.gapX) - box.gapX + 2 * box.margin,
    of: new Map(
      columns
        .flat()
        .filter(item => item.name)
        .map(item => [item.name, point(item)]),
    ),
    routes: new Map([...routes].map(([edge, items]) => [edge, items.map(point)])),
  };
}

/** From the right side of what is needed to the left side of what needs it. */
function curve(points) {
  let path = "";
  points.forEach((point, i) => {
    if (i === 0) {
      path = `M${point.x + box.width + 3} ${point.y}`;
      return;
    }
    const before = points[i - 1];
    const start = before.x + box.width;
    const middle = (start + point.x) / 2;
    path += `C${middle} ${before.y} ${middle} ${point.y} ${point.x} ${point.y}`;
    if (!point.isNode) path += `H${point.x + box.width}`;
  });
  return path;
}

const arrowheads = () =>
  svg(
    "defs",
    {},
    ["waits", "refers"].map(kind =>
      svg(
        "marker",
        {
          id: `arrow-${kind}`,
          class: `arrow ${kind}`,
          viewBox: "0 0 8 8",
          refX: "2",
          refY: "4",
          markerWidth: "8",
          markerHeight: "8",
          orient: "auto-start-reverse",
        },
        svg("path", { d: "M0 0L8 4L0 8z" }),
      ),
    ),
  );

function nodeBox(node, place, isSelected) {
  const { replicas } = node;
  const resource = worst(replicas);
  const tone = node.isValue ? "idle" : toneOf(resource);
  const text = node.isValue
    ? "Connection string"
    : `${stateText(resource.state)}${replicas.length > 1 ? ` · ${replicas.length} replicas` : ""}`;
  const select = () => refine({ selected: node.name }, { remember: true });
  const symbol = icon(node.isValue ? "dot" : { good: "dot", warn: "alert", bad: "cross", busy: "clock", idle: "ring" }[tone]);
  for (const [name, value] of [
    ["x", 10],
    ["y", 15],
    ["width", 14],
    ["height", 14],
  ])
    symbol.setAttribute(name, value);
  return svg(
    "g",
    {
      class: `node tone-${tone} ${isSelected ? "selected" : ""}`,
      "data-key": node.name,
      "data-node": node.name,
      transform: `translate(${place.x} ${place.y - box.height / 2})`,
      tabindex: "0",
      role: "button",
      onclick: select,
      onkeydown: event => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          select();
        }
      },
    },
    svg("rect", { width: box.width, height: box.height, rx: "6" }),
    symbol,
    svg("text", { x: "32", y: "19", class: "node-name" }, node.name),
    " ",
    svg("text", { x: "32", y: "34", class: "node-state" }, text),
  );
}

const inWords = nodes =>
  h(
    "ul",
    { class: "graph-words" },
    [...nodes.values()].map(({ name, resource }) => {
      const waits = resource.waitsFor.map(wait => `${wait.name} (${wait.type === "completion" ? "to finish" : "to be healthy"})`);
      const sentences = [
        waits.length > 0 && `waits for ${waits.join(", ")}`,
        resource.references.length > 0 && `refers to ${resource.references.join(", ")}`,
      ].filter(sentence => sentence);
      return h("li", {}, h("strong", {}, name), ` ${sentences.join("; ") || "needs nothing"}.`);
    }),
  );
