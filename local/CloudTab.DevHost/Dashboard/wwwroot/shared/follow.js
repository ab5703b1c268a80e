const slack = 24;

/**
 * Keeps a stream's newest line in sight until the user scrolls away from the end, and again once they are back. Only scrolling is
 * asked: a box that grows or shrinks has not been scrolled by anybody.
 */
export function follow(box, { onChange, signal }) {
  let following = true;
  let lastTop = 0;

  function set(wanted) {
    if (following === wanted) return;
    following = wanted;
    onChange(wanted);
  }

  box.addEventListener(
    "scroll",
    () => {
      if (box.scrollHeight - box.scrollTop - box.clientHeight < slack) set(true);
      else if (box.scrollTop < lastTop - 2) set(false);
      lastTop = box.scrollTop;
    },
    { signal },
  );

  const grown = () => {
    if (following) box.scrollTop = box.scrollHeight;
  };
  new ResizeObserver(grown).observe(box);
  return {
    grown,
    set(wanted) {
      set(wanted);
      grown();
    },
    get on() {
      return following;
    },
  };
}
