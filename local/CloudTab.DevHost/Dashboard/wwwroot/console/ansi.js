// Select Graphic Rendition, ECMA-48 section 8.3.117, with xterm's 256 and true colours. Other sequences are dropped.

const escape = /\x1b(?:\[([0-9;:?<=>]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_=>78])/g;

/**
 * A line as runs of text in one look: [{text, classes, ink, paper}]. The 16 named colours are classes, for each theme has its own;
 * `ink` and `paper` are CSS colours of the others.
 */
export function runs(line) {
  const found = [];
  let look = {};
  let end = 0;
  for (const match of line.matchAll(escape)) {
    add(found, line.slice(end, match.index), look);
    end = match.index + match[0].length;
    if (match[2] === "m") look = apply(look, match[1]);
  }
  add(found, line.slice(end), look);
  return found;
}

export const plain = line => line.replace(escape, "");

function add(found, text, look) {
  if (text === "") return;
  const { ink, paper } = look.inverse ? { ink: look.paper, paper: look.ink } : look;
  const classes = ["bold", "dim", "italic", "underline", "strike", "inverse"].filter(name => look[name]);
  if (typeof ink === "number") classes.push(`ink-${ink}`);
  if (typeof paper === "number") classes.push(`paper-${paper}`);
  found.push({ text, classes, ink: typeof ink === "string" ? ink : null, paper: typeof paper === "string" ? paper : null });
}

const switches = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  9: { strike: true },
  22: { bold: false, dim: false },
  23: { italic: false },
  24: { underline: false },
  27: { inverse: false },
  29: { strike: false },
  39: { ink: undefined },
  49: { paper: undefined },
};

function apply(look, parameters) {
  const codes = parameters.split(/[;:]/).map(Number);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    if (code === 0) look = {};
    else if (switches[code]) look = { ...look, ...switches[code] };
    else if (code === 38 || code === 48) {
      const [colour, used] = extended(codes.slice(i + 1));
      look = { ...look, [code === 38 ? "ink" : "paper"]: colour };
      i += used;
    } else look = { ...look, ...named(code) };
  }
  return look;
}

function named(code) {
  const [base, bright] = code >= 90 ? [90, 8] : [30, 0];
  if (code - base >= 0 && code - base < 8) return { ink: code - base + bright };
  return code - base >= 10 && code - base < 18 ? { paper: code - base - 10 + bright } : {};
}

/** @returns the colour, and how many parameters tell it */
function extended([kind, ...values]) {
  if (kind === 2)
    return [
      `rgb(${values
        .slice(0, 3)
        .map(value => value || 0)
        .join(" ")})`,
      4,
    ];
  if (kind !== 5) return [undefined, 0];
  const index = values[0] || 0;
  if (index < 16) return [index, 2];
  if (index >= 232)
    return [
      `rgb(${Array(3)
        .fill(8 + 10 * (index - 232))
        .join(" ")})`,
      2,
    ];
  const level = step => (step === 0 ? 0 : 55 + 40 * step);
  return [`rgb(${level(Math.floor((index - 16) / 36))} ${level(Math.floor((index - 16) / 6) % 6)} ${level((index - 16) % 6)})`, 2];
}
