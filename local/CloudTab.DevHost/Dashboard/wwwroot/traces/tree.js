/**
 * A trace's spans as the rows of its waterfall: each below its parent, siblings by their start. A span whose parent has not come, or
 * never will, stands at the top. Clocks of one machine agree, so starts are not corrected.
 * @returns [{span, depth, children}] in order of the rows
 */
export function rowsOf(spans) {
  const known = new Map(spans.map(span => [span.spanId, span]));
  const children = new Map();
  const tops = [];
  for (const span of spans) {
    if (!known.has(span.parentId) || span.parentId === span.spanId) tops.push(span);
    else children.set(span.parentId, [...(children.get(span.parentId) ?? []), span]);
  }
  const rows = [];
  const seen = new Set();
  function add(span, depth) {
    if (seen.has(span.spanId)) return;
    seen.add(span.spanId);
    const below = (children.get(span.spanId) ?? []).sort(byStart);
    rows.push({ span, depth, children: below.length });
    below.forEach(child => add(child, depth + 1));
  }
  tops.sort(byStart).forEach(span => add(span, 0));
  spans.forEach(span => add(span, 0)); // parents in a circle have no top
  return rows;
}

const byStart = (a, b) => a.start - b.start || b.durationMs - a.durationMs;

/** Without what lies below folded spans. */
export function unfolded(rows, folded) {
  const shown = [];
  let hiddenBelow = Infinity;
  for (const row of rows) {
    if (row.depth > hiddenBelow) continue;
    hiddenBelow = folded.has(row.span.spanId) ? row.depth : Infinity;
    shown.push(row);
  }
  return shown;
}
