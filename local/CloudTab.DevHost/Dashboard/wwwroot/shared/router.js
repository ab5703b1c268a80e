/**
 * The address says what is seen: `#/view/subject?filter=…`. Everything a view shows follows from it, so that a reload, a bookmark
 * and the back button lead to the same place.
 */
export function current() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...subject] = path.split("/").map(decodeURIComponent);
  return { view: view || "resources", subject: subject.join("/"), query: new URLSearchParams(query) };
}

/** An address within the page; empty parameters are left out. */
export function to(view, subject, query) {
  const parameters = new URLSearchParams(
    Object.entries(query ?? {}).flatMap(([name, value]) =>
      [value]
        .flat()
        .filter(one => one !== null && one !== undefined && one !== "" && one !== false)
        .map(one => [name, one]),
    ),
  );
  return `#/${view}${subject ? `/${encodeURIComponent(subject)}` : ""}${parameters.size > 0 ? `?${parameters}` : ""}`;
}

export const go = address => {
  location.hash = address;
};

/** Changes filters of the view that is shown. Typing does not fill the history; choosing what to look at does. */
export function refine(changes, { remember = false } = {}) {
  const { view, subject, query } = current();
  const wanted = {};
  for (const name of new Set([...query.keys(), ...Object.keys(changes)]))
    wanted[name] = name in changes ? changes[name] : query.getAll(name);
  const address = to(view, subject, wanted);
  if (address === location.hash) return;
  if (remember) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}
