const pauseBeforeRetry = 1000;

/**
 * Server-sent events that come back by themselves, from where they were: `address` is asked anew for each connection. The
 * browser's own repetition asks for the same address again, and gives up on any answer but 200. Nothing is read while the page is
 * hidden: a browser allows few connections to one host, and nobody looks.
 */
export function listen(address, { events, opened = () => {}, lost = () => {} }, signal) {
  let source;
  let retry;

  function open() {
    clearTimeout(retry);
    source?.close();
    if (document.hidden || signal.aborted) return;
    source = new EventSource(address());
    source.onopen = opened;
    source.onerror = () => {
      source.close();
      lost();
      retry = setTimeout(open, pauseBeforeRetry);
    };
    for (const [name, handle] of Object.entries(events)) source.addEventListener(name, event => handle(JSON.parse(event.data)));
  }

  document.addEventListener("visibilitychange", open, { signal });
  signal.addEventListener("abort", () => {
    clearTimeout(retry);
    source?.close();
  });
  open();
}
