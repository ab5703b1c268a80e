const longestPause = 30_000

let wakeAll = new AbortController()

/** Whatever waits tries again now. */
export function wake(): void {
  wakeAll.abort()
  wakeAll = new AbortController()
}

/** Waits longer each time, but no longer than until the network is back, the customer looks at the page again, or the signal comes. */
export function pause(failures: number, least: number, signal?: AbortSignal): Promise<void> {
  // One that has come already fires no event.
  if (signal?.aborted) return Promise.resolve()
  const time = Math.max(least, Math.min(longestPause, 1000 * 2 ** failures) * (0.75 + Math.random() / 2))
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, time)
    for (const one of signal ? [wakeAll.signal, signal] : [wakeAll.signal]) one.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}
