import type { PrintOptions } from '../shop/contract.ts'

/** To the frame: a file to show. `words.page` has the places {page} and {pages}. */
export interface Shown {
  type: 'show'
  mediaType: string
  bytes: ArrayBuffer
  options: PrintOptions
  words: { page: string; picture: string }
}

export type ToFrame = Shown | { type: 'print' }

/** From the frame. */
export type FromFrame =
  | { type: 'ready' }
  | { type: 'shown'; pages: number }
  | { type: 'printed' }
  | { type: 'failed'; reason: 'password' | 'broken' | 'unsupported' | 'noPages' }
