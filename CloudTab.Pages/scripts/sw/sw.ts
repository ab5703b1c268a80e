/**
 * Keeps the shell of the customer's page (the form, scripts, styles), so that it opens without a network, and takes files that other apps
 * share. Sessions and everything else that is somebody's own never pass through here.
 */
const worker = self as unknown as ServiceWorkerGlobalScope

const shell = 'shell-1'
const shared = 'shared'
const form = /^\/(s\/[^/]+\/?)?$/
const share = /^(\/s\/[^/]+)?\/share$/

worker.addEventListener('install', () => void worker.skipWaiting())

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

/** Names have hashes: what is there is right. Old ones go as new ones come. */
async function fromCache(request: Request): Promise<Response> {
  const cache = await caches.open(shell)
  const found = await cache.match(request)
  if (found) return found
  const answer = await fetch(request)
  if (answer.ok && answer.headers.get('Cache-Control')?.includes('immutable')) await keep(cache, request, answer)
  return answer
}

/** What a full phone cannot keep is shown all the same. */
const keep = (cache: Cache, request: RequestInfo, answer: Response) => cache.put(request, answer.clone()).catch(() => {})

async function fromNetwork(request: Request, pathname: string): Promise<Response> {
  const cache = await caches.open(shell)
  try {
    const answer = await fetch(request)
    if (answer.ok) await keep(cache, pathname, answer)
    return answer
  } catch (offline) {
    const found = await cache.match(pathname)
    if (found) return found
    throw offline
  }
}

/** The files wait here for the page, where their options can be chosen (customer/shared-files.ts). */
async function takeFiles(request: Request, pathname: string): Promise<Response> {
  const files = (await request.formData()).getAll('files').filter((file) => file instanceof File)
  const cache = await caches.open(shared)
  for (const [index, file] of files.entries()) {
    await cache.put(`/shared/${Date.now()}-${index}`, new Response(file, { headers: { 'Content-Type': file.type, 'X-Name': encodeURIComponent(file.name) } }))
  }
  return Response.redirect(pathname.replace(/share$/, ''), 303)
}
