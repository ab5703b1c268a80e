const sweeps = 6;

/**
 * A layered drawing (Sugiyama's): each node one column to the right of the last one that it needs, an edge over several columns
 * goes through a waypoint in each, and each column is ordered by where its neighbours are.
 * @param nodes names
 * @param edges [{from, to}], from needs to; circles are cut
 * @returns {columns: [[item]], routes: Map(edge → [item])}, an item being {name?, column, row}
 */
export function layOut(nodes, edges) {
  const depth = depths(nodes, edges);
  const columns = Array.from({ length: Math.max(0, ...depth.values()) + 1 }, () => []);
  const items = new Map(nodes.map(name => [name, put(columns, { name, column: depth.get(name) })]));
  const routes = new Map(edges.map(edge => [edge, route(columns, items.get(edge.to), items.get(edge.from))]));
  order(columns, [...routes.values()]);
  return { columns, routes };
}

function depths(nodes, edges) {
  const depth = new Map();
  const onTheWay = new Set();
  function of(name) {
    if (depth.has(name)) return depth.get(name);
    if (onTheWay.has(name)) return -1;
    onTheWay.add(name);
    const needed = edges.filter(edge => edge.from === name && edge.to !== name).map(edge => of(edge.to));
    onTheWay.delete(name);
    depth.set(name, Math.max(-1, ...needed) + 1);
    return depth.get(name);
  }
  nodes.forEach(of);
  return depth;
}

function put(columns, item) {
  columns[item.column].push(item);
  item.row = columns[item.column].length - 1;
  return item;
}

function route(columns, start, end) {
  const points = [start];
  for (let column = start.column + 1; column < end.column; column++) points.push(put(columns, { column }));
  return [...points, end];
}

/** To and fro, each item goes to the middle of its neighbours in the column before. */
function order(columns, routes) {
  const neighbours = new Map(columns.flat().map(item => [item, []]));
  for (const points of routes) {
    for (let i = 1; i < points.length; i++) {
      neighbours.get(points[i]).push(points[i - 1]);
      neighbours.get(points[i - 1]).push(points[i]);
    }
  }
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const step = sweep % 2 === 0 ? -1 : 1;
    for (const column of sweep % 2 === 0 ? columns : [...columns].reverse()) {
      const middle = new Map(
        column.map(item => [
          item,
          middleOf(
            neighbours.get(item).filter(other => other.column === item.column + step),
            item.row,
          ),
        ]),
      );
      column.sort((a, b) => middle.get(a) - middle.get(b));
      column.forEach((item, row) => {
        item.row = row;
      });
    }
  }
}

const middleOf = (items, otherwise) => (items.length === 0 ? otherwise : items.reduce((sum, item) => sum + item.row, 0) / items.length);
