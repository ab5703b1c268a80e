/** Runs a task now and again and again, each time after the last one has ended; never while the page is hidden. */
export function every(ms, task, signal) {
  let timer;
  async function run() {
    clearTimeout(timer);
    if (signal.aborted || document.hidden) return;
    await task();
    timer = setTimeout(run, ms);
  }
  document.addEventListener("visibilitychange", run, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  run();
}
