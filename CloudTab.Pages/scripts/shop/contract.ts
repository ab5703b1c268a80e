/** What a shop sees of its jobs: the shapes of the shop's API and of the socket's frames that this page uses. */
export interface PrintOptions {
  copies: number
  colorMode: 'monochrome' | 'color'
  sides: 'one-sided' | 'two-sided-long-edge' | 'two-sided-short-edge'
  /** Such as `1-3,5`; null: all pages. */
  pageRanges: string | null
  media: 'a4' | 'a3' | 'letter' | 'photo'
  scaling: 'fit' | 'none'
}

/** Minor units of the currency; `amount` is null where nothing has a price, `isComplete` false where something has none. */
export interface Price {
  amount: number | null
  currency: string
  isComplete: boolean
}

export interface JobFile {
  id: string
  name: string
  type: string
  size: number
  status: 'stored' | 'deleted'
  scan: 'clean' | 'infected' | 'unscanned'
  pages?: number
  locked?: boolean
  printOptions?: PrintOptions
  /** Pages of all copies; null: not known. */
  printedPages?: number | null
  /** Minor units of the shop's currency; null: told at the counter. */
  price?: number | null
}

export type Status = 'open' | 'pending' | 'processing' | 'completed' | 'expired' | 'cancelled'

/** A session in a list. Of files the list and the socket tell only what a row shows. */
export interface Job {
  sessionId: string
  pickupCode: string
  customerName: string | null
  fileCount: number
  totalSize: number
  createdAt: string
  token?: number
  pages?: number | null
  price?: Price
  paidAt?: string | null
  files?: Partial<JobFile>[]
  status: Status
  claimedBy?: string
  claimedByYou?: boolean
}

/** A session with its files. */
export interface JobDetails extends Job {
  expiresAt: string
  files: JobFile[]
}

export interface PendingPage {
  sessions: Omit<Job, 'status'>[]
  next?: string
}

export type Frame =
  | { type: 'authenticated'; shopkeeper: { id: string; name: string } }
  | { type: 'auth_failed'; message: string }
  | { type: 'pending_sessions'; sessions: Omit<Job, 'status'>[]; more?: boolean }
  | ({ type: 'new_session'; eventId: number; timestamp: string } & Omit<Job, 'status' | 'createdAt'>)
  | ({ type: 'session_updated'; eventId: number; timestamp: string; sessionId: string; status: Status } & Partial<Job>)
  | { type: 'pong' }
  | { type: 'error'; code: string; message: string }

export interface Offer {
  currency: string
  twoSided: boolean
  prices: { media: PrintOptions['media']; colorMode: PrintOptions['colorMode']; price: number | null }[]
  upiAddress: string | null
}

export interface ShopSettings {
  id: string
  name: string
  acceptsUploads: boolean
  /** Null: what the relay's settings say. Sizes in bytes. */
  limits: { files: number | null; fileSize: number | null; sessionSize: number | null }
  customerUrl: string
}

export interface ShopKey {
  id: string
  name: string
  prefix: string
  createdAt: string
  lastUsedAt: string | null
  revokedAt: string | null
}

export interface DaySheet {
  jobs: number
  pages: number
  monochrome: number
  color: number
  paid: number
  unpaid: number
  currency: string
}
