/**
 * What has to outlive a reload: the list of files, how far each is, and the files themselves. All of it is in this browser only, and is
 * removed once the shop has been told, or when it is too old.
 */
import type { Item } from './item.ts'

export interface Job {
  sessionId: string | null
  customerName: string
  sending: boolean
  items: Item[]
}

type Saved = Omit<Job, 'items'> & { prefix: string; savedAt: number; items: Omit<Item, 'whole' | 'small' | 'picture'>[] }

/** Larger files are asked for again: a copy of them would fill the phone. */
const largest = 200 << 20
/** Longer than any session goes on without a sign of its customer. */
const remembered = 60 * 60 * 1000

const done = <T>(request: IDBRequest<T>) =>
  new Promise<T>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

let opening: Promise<IDBDatabase> | null = null

function open(): Promise<IDBDatabase> {
  opening ??= (() => {
    const request = indexedDB.open('cloudtab', 1)
    request.onupgradeneeded = () => {
      request.result.createObjectStore('jobs', { keyPath: 'prefix' })
      request.result.createObjectStore('files')
    }
    return done(request)
  })()
  return opening
}

/** A browser that keeps nothing (a private window, a full phone) sends all the same. */
async function tryTo<T>(work: (jobs: IDBObjectStore, files: IDBObjectStore) => Promise<T>): Promise<T | null> {
  try {
    const transaction = (await open()).transaction(['jobs', 'files'], 'readwrite')
    const complete = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve
      transaction.onabort = () => reject(transaction.error)
    })
    // Nothing is written before that: a page that went on to another one now would undo it.
    const [result] = await Promise.all([work(transaction.objectStore('jobs'), transaction.objectStore('files')), complete])
    return result
  } catch {
    return null
  }
}

const keyOf = (prefix: string, sessionId: string | null) => `${prefix}#${sessionId ?? ''}`

export class Memory {
  /** @param addsTo The session that this page adds files to, if it exists before them. */
  constructor(private readonly prefix: string, private readonly addsTo: string | null) {}

  private get key() {
    return keyOf(this.prefix, this.addsTo)
  }

  save(job: Job): Promise<unknown> {
    const items = job.items.filter((item) => item.state !== 'refused').map(({ whole: _, small: __, picture: ___, ...rest }) => rest)
    const saved: Saved = { ...job, prefix: this.key, savedAt: Date.now(), items }
    return tryTo((jobs) => done(jobs.put(saved)))
  }

  keep(item: Item, blob: Blob): Promise<unknown> {
    return blob.size > largest ? Promise.resolve() : tryTo((_, files) => done(files.put(blob, item.id)))
  }

  forgetFile(item: Item): Promise<unknown> {
    return tryTo((_, files) => done(files.delete(item.id)))
  }

  /** The list, before any file of it is read: a row that is still to be sent has the state `examining` until read() has answered. */
  async load(): Promise<Job | null> {
    await forgetOld()
    const saved = await tryTo((jobs) => done<Saved | undefined>(jobs.get(this.key)))
    if (!saved) return null
    const items = saved.items.map((item) => ({ ...item, whole: null, small: null, picture: null, state: item.state === 'done' ? item.state : ('examining' as const) }))
    return { ...saved, items }
  }

  /** The file of a row; null: the browser has lost it. */
  async read(item: Item): Promise<Blob | null> {
    const blob = await tryTo((_, files) => done<Blob | undefined>(files.get(item.id)))
    return blob && (await isReadable(blob)) ? blob : null
  }

  clear(): Promise<unknown> {
    return tryTo(async (jobs, files) => {
      const saved = await done<Saved | undefined>(jobs.get(this.key))
      for (const item of saved?.items ?? []) files.delete(item.id)
      await done(jobs.delete(this.key))
    })
  }
}

/** Of every shop and session: an address that is never opened again would keep its files for ever. */
function forgetOld(): Promise<unknown> {
  return tryTo(async (jobs, files) => {
    for (const job of await done<Saved[]>(jobs.getAll())) {
      if (job.savedAt >= Date.now() - remembered) continue
      for (const item of job.items) files.delete(item.id)
      jobs.delete(job.prefix)
    }
  })
}

export async function isReadable(blob: Blob): Promise<boolean> {
  try {
    await blob.slice(0, 1).arrayBuffer()
    return true
  } catch {
    return false
  }
}
