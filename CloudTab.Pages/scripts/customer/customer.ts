import '../../styles/base.css'
import '../../styles/customer.css'
import './send.ts'
import './session.ts'

if ('serviceWorker' in navigator) addEventListener('load', () => void keepShell().catch(() => {}))

/** The worker sees what is loaded once it is there. What this page had loaded before is put beside it (sw/sw.ts). */
async function keepShell() {
  await navigator.serviceWorker.register('/sw.js')
  const cache = await caches.open('shell-1')
  const loaded = performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname)
  for (const path of loaded.filter((path) => path.startsWith('/assets/'))) if (!(await cache.match(path))) await cache.add(path)
}
