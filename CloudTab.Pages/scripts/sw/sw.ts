/**
 * Keeps the shell of the customer's page (the form, scripts, styles), so that it opens without a network, and takes files that other apps
 * share. Sessions and everything else that is somebody's own never pass through here.
 */
const worker = self as unknown as ServiceWorkerGlobalScope

/** Addresses of all that the customer's page may load, and a name for this set of them: put in by the build (vite.config.js). */
declare const SHELL_ASSETS: readonly string[]
declare const SHELL_VERSION: string

const shell = `shell-${SHELL_VERSION}`
const shared = 'shared'
const form = /^\/(s\/[^/]+\/?)?$/
const share = /^(\/s\/[^/]+)?\/share$/

/** Most of it is in the browser's own cache by now: the page has just been loaded. That page goes beside it. */
worker.addEventListener('install', (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(shell)
      await cache.addAll([...SHELL_ASSETS])
      const pages = (await worker.clients.matchAll({ type: 'window', includeUncontrolled: true })).map(({ url }) => new URL(url).pathname)
      for (const pathname of new Set(pages.filter((one) => form.test(one)))) await keep(cache, pathname, await fetch(pathname))
    })(),
  )
})

/** A new version waits for this until no page of the one before is open: those still load from the old one's cache, which goes now. */
worker.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name.startsWith('shell-') && name !== shell) await caches.delete(name)
      await worker.clients.claim()
    })(),
  )
})

worker.addEventListener('fetch', (event) => {
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  if (origin !== worker.location.origin) return
  if (request.method === 'POST' && share.test(pathname)) event.respondWith(takeFiles(request, pathname))
  else if (request.method === 'GET' && pathname.startsWith('/assets/')) event.respondWith(fromCache(request))
  else if (request.method === 'GET' && request.mode === 'navigate' && form.test(pathname)) event.respondWith(fromNetwork(request, pathname))
})

/** Names have hashes: what is there is right, in whichever version's cache. */
const fromCache = async (request: Request) => (await caches.match(request)) ?? fetch(request)

/** Its address is the same with a slash at the end and without. What a full phone cannot keep is shown all the same. */
async function keep(cache: Cache, pathname: string, answer: Response): Promise<void> {
  if (answer.ok) await cache.put(addressOf(pathname), answer.clone()).catch(() => {})
}

const addressOf = (pathname: string) => pathname.replace(/\/?$/, '/')

async function fromNetwork(request: Request, pathname: string): Promise<Response> {
  const cache = await caches.open(shell)
  try {
    const answer = await fetch(request)
    await keep(cache, pathname, answer)
    return answer
  } catch (offline) {
    const found = await cache.match(addressOf(pathname))
    if (found) return found
    throw offline
  }
}

/**
 * The files wait here for that shop's page, where their options can be chosen (customer/shared-files.ts). A full phone keeps none: then they go to the
 * server, as without a service worker. The other app gives them once.
 */
async function takeFiles(request: Request, pathname: string): Promise<Response> {
  const form = await request.formData()
  const kept: string[] = []
  try {
    const cache = await caches.open(shared)
    for (const [index, file] of form.getAll('files').filter((one) => one instanceof File).entries()) {
      const address = `${pathname}/${Date.now()}-${index}`
      kept.push(address)
      await cache.put(address, new Response(file, { headers: { 'Content-Type': file.type, 'X-Name': encodeURIComponent(file.name) } }))
    }
    return Response.redirect(pathname.replace(/share$/, ''), 303)
  } catch {
    for (const address of kept) await caches.open(shared).then((cache) => cache.delete(address)).catch(() => {})
    // Not a clone of the request, which would hold all of its files in memory. The browser itself follows to where the answer leads.
    return fetch(request.url, { method: 'POST', body: form, headers: { Accept: 'text/html' }, redirect: 'manual' })
  }
}
