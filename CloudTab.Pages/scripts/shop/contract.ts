import type { ShopkeeperSchemas } from '../shared/contract.ts'

/** What the shop's API answers, and the socket's frames in the same terms. Money is in minor units of the shop's currency. */
export type PrintOptions = ShopkeeperSchemas['PrintOptions']
export type JobFile = ShopkeeperSchemas['FileDetails']
export type JobDetails = ShopkeeperSchemas['SessionDetails']
export type PendingSession = ShopkeeperSchemas['PendingSession']
export type ProcessingSession = ShopkeeperSchemas['ProcessingSession']
export type Offer = ShopkeeperSchemas['Offer']
export type OwnLimits = ShopkeeperSchemas['OwnLimits']
export type LimitsAnswer = ShopkeeperSchemas['LimitsAnswer']
export type ShopSettings = ShopkeeperSchemas['ShopView']
export type DaySheet = ShopkeeperSchemas['DaySheetView']
export type FilePrint = ShopkeeperSchemas['FilePrint']
export type ListedPrint = ShopkeeperSchemas['ListedPrint']
export type Agent = ShopkeeperSchemas['ListedAgent']
export type FinishedJob = ShopkeeperSchemas['FinishedJobView']
export type ShopKey = ShopkeeperSchemas['KeyView']

/** A job in the list: what all ways tell of it, and what only some do. */
export type Job = Omit<PendingSession, 'createdAt' | 'expiresAt' | 'printOptions' | 'price' | 'printing' | 'prints'> & {
  status: string
  printing?: boolean

  /** The newest attempt at each file that has one. */
  prints?: ListedPrint[] | null
  price?: ShopkeeperSchemas['JobPrice']
  printOptions?: PrintOptions[]
  claimedBy?: string | null
  claimedByYou?: boolean
}

/** Of a file frames tell what a row shows. */
type FrameFile = Pick<JobFile, 'id' | 'scan' | 'name' | 'printOptions'>

interface EventFrame {
  eventId: number
  sessionId: string
  fileCount: number
  totalSize: number
  files: FrameFile[]
  timestamp: string
  pages: number
  uncountedFiles: number
  price: ShopkeeperSchemas['JobPrice']
  paidAt: string | null
  paidAmount: number | null
}

/** What the socket sends, of which the page uses this. */
export type Frame =
  | { type: 'authenticated' }
  | { type: 'auth_failed' }
  | { type: 'pending_sessions'; sessions: PendingSession[]; more?: boolean }
  | (EventFrame & { type: 'new_session'; pickupCode: string; customerName: string | null; token?: number; submittedAt: string })
  | (EventFrame & { type: 'session_updated'; status: string })
  | { type: 'print_changed'; sessionId: string; fileId: string; print: FilePrint }
  | { type: 'going_away'; retryAfterMs: number }
  | { type: 'pong' }
  | { type: 'error'; code: string }
