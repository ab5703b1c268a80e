// Elements are built, never parsed: what the services say reaches the page as text only.

export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);

export const svg = (tag, props, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);

/** The handlers that a rebuilt element may carry; see morph. */
const handlers = ["onclick", "onchange", "oninput", "onkeydown", "onsubmit"];

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node[name] = value;
    else if (name === "style")
      Object.entries(value).forEach(([property, text]) => node.style.setProperty(property, text)); // an attribute is refused by the CSP
    else if (name === "value" && node.tagName !== "OPTION") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
  return node;
}

/**
 * Makes a live element look like a freshly built one and keeps every node that is the same, so that focus, selection and scroll
 * survive an update. Children with a `data-key` are recognised wherever they went.
 */
function morph(live, wanted) {
  for (const { name } of [...live.attributes]) {
    if (!wanted.hasAttribute(name) && !isTheUsers(live, name)) live.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (name !== "style" && live.getAttribute(name) !== value && !isTheUsers(live, name)) live.setAttribute(name, value);
  }
  if (live.style.cssText !== wanted.style.cssText) live.style.cssText = wanted.style.cssText;
  for (const handler of handlers) live[handler] = wanted[handler];
  morphChildren(live, [...wanted.childNodes]);
}

/** Whether a details element is open is for the user to say. */
const isTheUsers = (node, attribute) => node.tagName === "DETAILS" && attribute === "open";

/** The same for all children of an element. */
export function morphChildren(live, wanted) {
  const keyed = new Map([...live.children].filter(child => child.dataset.key).map(child => [child.dataset.key, child]));
  let at = live.firstChild;
  for (const child of wanted) {
    const same = child.dataset?.key ? keyed.get(child.dataset.key) : isAlike(at, child) ? at : null;
    if (!same) {
      live.insertBefore(child, at);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else live.insertBefore(same, at);
    if (same.nodeType === Node.TEXT_NODE) {
      if (same.nodeValue !== child.nodeValue) same.nodeValue = child.nodeValue;
    } else morph(same, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

const isAlike = (live, wanted) => live && live.nodeName === wanted.nodeName && !live.dataset?.key;
