/**
 * Runs a task when asked, at most once in `ms`, never twice at the same time; what is asked for meanwhile is done once, afterwards.
 */
export function throttle(task, ms, signal) {
  let running = false;
  let again = false;

  async function run() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    again = false;
    await task();
    setTimeout(() => {
      running = false;
      if (again && !signal.aborted) run();
    }, ms);
  }

  return run;
}
