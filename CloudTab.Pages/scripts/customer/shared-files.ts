/**
 * Files that another app has shared with this one. The service worker puts them here (sw/sw.ts): for each shop under the address that they were
 * sent to, then a slash, when, and which: `/s/corner-print/share/1700000000000-0`.
 */
const cacheName = 'shared'
/** A shop may be closed, and open again. Longer than that nobody remembers what they shared. */
const remembered = 60 * 60 * 1000

/** The files that wait for a shop, and the addresses that they wait at. */
export async function findShared(prefix: string): Promise<Map<File, string>> {
  const files = new Map<File, string>()
  await forgetOldShared()
  await each(async (cache, request, pathname) => {
    if (!pathname.startsWith(`${prefix}/share/`)) return
    const answer = await cache.match(request)
    if (!answer) return
    // The same time whenever it is read: what was sent of it holds.
    const properties = { type: answer.headers.get('Content-Type') ?? '', lastModified: sharedAt(pathname) }
    files.set(new File([await answer.blob()], decodeURIComponent(answer.headers.get('X-Name') ?? ''), properties), request.url)
  })
  return files
}

/** One of them is kept elsewhere now, or of no use any more. */
export async function forgetShared(address: string): Promise<void> {
  await (await caches.open(cacheName)).delete(address)
}

const sharedAt = (pathname: string) => Number(/\/share\/(\d+)-\d+$/.exec(pathname)?.[1] ?? 0)

/** Of every shop: one that stays closed, or whose page is never opened again, would keep its files for ever. */
export const forgetOldShared = () =>
  each(async (cache, request, pathname) => {
    if (sharedAt(pathname) < Date.now() - remembered) await cache.delete(request)
  })

async function each(work: (cache: Cache, request: Request, pathname: string) => Promise<unknown>): Promise<void> {
  if (!('caches' in window) || !(await caches.has(cacheName))) return
  const cache = await caches.open(cacheName)
  for (const request of await cache.keys()) await work(cache, request, new URL(request.url).pathname)
}
