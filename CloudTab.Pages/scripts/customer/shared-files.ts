/** Files that another app has shared with this one: the service worker has put them here (sw/sw.ts). */
const cacheName = 'shared'

export async function takeShared(): Promise<File[]> {
  if (!('caches' in window) || !(await caches.has(cacheName))) return []
  const cache = await caches.open(cacheName)
  const files: File[] = []
  for (const request of await cache.keys()) {
    const answer = await cache.match(request)
    if (answer) files.push(new File([await answer.arrayBuffer()], decodeURIComponent(answer.headers.get('X-Name') ?? ''), { type: answer.headers.get('Content-Type') ?? '' }))
  }
  await caches.delete(cacheName)
  return files
}
