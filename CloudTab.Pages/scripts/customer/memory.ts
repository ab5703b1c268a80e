/**
 * What has to outlive a reload: the list of files, how far each is, and the files themselves. All of it is in this browser only, and is
 * removed once the shop has been told, or when it is too old. Tabs at the same address share it: none undoes what another one has added.
 */
import type { Offer } from '../shared/printing.ts'
import type { Item } from './item.ts'

export interface Job {
  sessionId: string | null
  customerName: string
  sending: boolean
  /** Whether the shop may have been told of the session: what it knows may be printing. */
  submitted?: boolean
  /** How often a tab has begun to send this list: one that knows a lower number has an old one. */
  turn: number
  /** By what the shop offered when sending began: the customer was shown these prices. Not yet, or by an older page: nothing. */
  offer?: Offer
  items: Item[]
}

type Saved = Omit<Job, 'items'> & { prefix: string; savedAt: number; items: Omit<Item, 'whole' | 'small' | 'picture'>[] }

/** A list may have been saved by a page that had no turns. */
const turnOf = (saved: Partial<Saved>) => saved.turn ?? 0

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
  /** The rows that this tab has read or saved. Others are another tab's. */
  private known = new Set<string>()

  /** @param addsTo The session that this page adds files to, if it exists before them. */
  constructor(private readonly prefix: string, private addsTo: string | null) {}

  private get key() {
    return keyOf(this.prefix, this.addsTo)
  }

  /** Saves the list. If another tab has begun to send it since this one has read it, it is that tab's: then only what this one has added is put behind it. */
  async save(job: Job): Promise<void> {
    // As they are now: this page may leave the session while the browser is busy.
    const { key, known } = this
    const rows = job.items.filter((item) => item.state !== 'refused').map(({ whole: _, small: __, picture: ___, ...rest }) => rest)
    const isSaved = await tryTo(async (jobs) => {
      const saved = await done<Saved | undefined>(jobs.get(key))
      const list = saved && turnOf(saved) > job.turn ? saved : null
      const [first, more] = list ? [list.items, rows] : [rows, saved?.items ?? []]
      const items = [...first, ...more.filter(({ id }) => !known.has(id) && !first.some((one) => one.id === id))]
      await done(jobs.put({ ...(list ?? job), prefix: key, savedAt: Date.now(), items } satisfies Saved))
      return true
    })
    if (isSaved) for (const { id } of rows) known.add(id)
  }

  /** @returns Whether the file is kept now: a large one is not, nor is any by a full phone. */
  async keep(item: Item, blob: Blob): Promise<boolean> {
    return blob.size <= largest && (await tryTo((_, files) => done(files.put(blob, item.id)))) !== null
  }

  forgetFile(item: Item): Promise<unknown> {
    return tryTo((_, files) => done(files.delete(item.id)))
  }

  /**
   * The list, before any file of it is read: a row that is still to be sent has the state `examining` until read() has answered.
   * @param turn What this tab knows already, if anything.
   * @returns Null: there is none, or none but that one.
   */
  async load(turn?: number): Promise<Job | null> {
    const saved = await tryTo((jobs) => done<Saved | undefined>(jobs.get(this.key)))
    if (!saved || (turn !== undefined && turnOf(saved) <= turn)) return null
    for (const { id } of saved.items) this.known.add(id)
    const items = saved.items.map((item) => ({ ...item, whole: null, small: null, picture: null, state: item.state === 'done' ? item.state : ('examining' as const) }))
    return { ...saved, turn: turnOf(saved), items }
  }

  /** The session that this page added to has ended: its list, which is to be saved again, goes to the form's from now on. Of that this tab knows nothing yet. */
  async leaveSession(): Promise<void> {
    await tryTo((jobs) => done(jobs.delete(this.key)))
    this.addsTo = null
    this.known = new Set()
  }

  /** Whether another tab can have this row too. */
  has(item: Item): boolean {
    return this.known.has(item.id)
  }

  /** The file of a row; null: the browser has lost it. */
  async read(item: Item): Promise<Blob | null> {
    const blob = await tryTo((_, files) => done<Blob | undefined>(files.get(item.id)))
    return blob && (await isReadable(blob)) ? blob : null
  }

  /** The shop has been told. What stays is what another tab has added, and that the list was sent. */
  clear(): Promise<unknown> {
    return tryTo(async (jobs, files) => {
      const saved = await done<Saved | undefined>(jobs.get(this.key))
      if (!saved) return
      for (const { id } of saved.items) if (this.known.has(id)) files.delete(id)
      const items = saved.items.filter(({ id }) => !this.known.has(id))
      await done(jobs.put({ ...saved, sessionId: this.addsTo, customerName: '', sending: false, submitted: false, items }))
    })
  }
}

/** Of every shop and session: an address that is never opened again would keep its files for ever. */
export function forgetOld(): Promise<unknown> {
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
