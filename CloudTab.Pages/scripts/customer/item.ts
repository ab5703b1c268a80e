import { count, find, say } from '../shared/words.ts'
import { size } from '../shared/format.ts'
import type { PrintOptions } from '../shared/printing.ts'
import { judge } from './types.ts'
import { readPdf } from './pdf.ts'
import { clean, onOnePage, shrink, thumbnail } from './photo.ts'
import type { Shop } from './shop.ts'

/** A limit that a file is one too many for, until another one is removed. */
export type Excess = 'many' | 'together'

export type State = 'examining' | 'ready' | 'refused' | 'waiting' | 'sending' | 'retrying' | 'busy' | 'done' | 'failed' | 'lost'

/** A file that the customer has chosen, from then on until the shop has been told: until then it may have to be sent once more. */
export interface Item {
  readonly id: string
  name: string
  state: State
  type: string
  options: PrintOptions
  pages: number | null
  locked: boolean
  hadPlace: boolean
  /** What will be sent, in full size, and smaller if the customer wants that. Null: the browser has lost it. */
  whole: Blob | null
  small: Blob | null
  size: number
  /** What tells the chosen file from another one of its name. Null: the customer has changed it since, and no file is the same. */
  original: { size: number; modified: number } | null
  /** Where another app's copy of it waits (shared-files.ts), until it is kept with this list or is of no use any more. */
  copy: string | null
  picture: string | null
  turns: number
  /** Bytes that have arrived. */
  sent: number
  uploadUrl: string | null
  /** What a person can do something about. */
  error: string | null
  excess: Excess | null
  /** What became of a wish of the customer's that changed nothing. */
  hint: string | null
}

export const body = (item: Item): Blob | null => item.small ?? item.whole

/** Whether a file that is chosen again is the one that was chosen before, so that what was sent of it holds. */
export const isSame = (item: Item, file: File) => item.original?.size === file.size && item.original.modified === file.lastModified

/** The body as it is sent: a photo that was drawn anew may be of another type than the one that was chosen. */
export function fileOf(item: Item): File {
  const blob = body(item)!
  const type = isPhoto(item) ? blob.type : item.type
  const name = type === item.type ? item.name : `${item.name.replace(/\.(jpe?g|png|webp)$/i, '')}.${type.slice('image/'.length).replace('jpeg', 'jpg')}`
  return new File([blob], name, { type })
}

export const isPhoto = (item: Item) => /^image\/(jpeg|png|webp)$/.test(item.type)
export const isWanted = (item: Item) => item.state !== 'refused'

/** The pages that the shop will count. */
export const pagesOf = (item: Item) => (/^image\/(jpeg|png|webp|heic|heif)$/.test(item.type) ? 1 : item.pages)

export const originalOf = (file: File) => ({ size: file.size, modified: file.lastModified })

export function createItem(file: File, options: PrintOptions, copy: string | null): Item {
  return {
    id: Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join('-'), name: file.name, state: 'examining', type: '', options: { ...options }, pages: null, locked: false, hadPlace: false,
    whole: file, small: null, size: file.size, original: originalOf(file), copy, picture: null, turns: 0, sent: 0, uploadUrl: null, error: null, excess: null, hint: null,
  }
}

/** Looks at a file: what it is, whether the shop takes it, and what the shop will see of it. */
export async function examine(item: Item, shop: Shop): Promise<void> {
  const file = item.whole!
  item.size = file.size
  try {
    const refused = await refusal(item, file, shop)
    if (refused !== null) {
      item.state = 'refused'
      item.error = refused
      item.whole = null
      return
    }
    if (item.type === 'application/pdf') Object.assign(item, await readPdf(file))
    if (isPhoto(item) || item.type === 'image/tiff') {
      const photo = await clean(file, item.type, 0)
      item.whole = photo.blob
      item.hadPlace = photo.hadPlace
      item.size = photo.blob.size
    }
  } catch {
    // The file is gone or cannot be read, on a phone also if it is still in a cloud.
    item.state = 'refused'
    item.error = say('customer.refused.unreadable')
    return
  }
  item.state = 'ready'
}

async function refusal(item: Item, file: Blob, shop: Shop): Promise<string | null> {
  if (file.size === 0) return say('customer.refused.empty')
  if (file.size > shop.limits.fileSize) return say('customer.refused.large', { limit: size(shop.limits.fileSize) })
  const judgement = await judge(file, item.name, shop.acceptedTypes)
  if ('refused' in judgement) return `${say(`customer.refused.${judgement.refused}`)} ${say('customer.prints')}`
  item.type = judgement.type
  return shop.acceptedTypes.includes(item.type) ? null : `${say('customer.refused.type')} ${say('customer.prints')}`
}

/** The picture for the list, one after the other: many at once would be too much for a phone. */
export async function picture(item: Item): Promise<void> {
  if (!/^image\//.test(item.type) || !item.whole) return
  const small = await thumbnail(item.whole)
  item.turns = 0
  item.picture = small && URL.createObjectURL(small)
}

export async function turn(item: Item): Promise<void> {
  const whole = (await clean(item.whole!, item.whole!.type, 1)).blob
  item.small = item.small && (await shrink(whole))
  item.whole = whole
  item.original = null
  item.turns = (item.turns + 1) % 4
  item.size = body(item)!.size
}

/** @returns Whether there was anything to save. */
export async function toggleSize(item: Item): Promise<boolean> {
  item.small = item.small ? null : await shrink(item.whole!)
  item.original = null
  item.size = body(item)!.size
  return item.small !== null
}

/** Both sides of a card: the page takes the place of the first photo. */
export async function joinCard(front: Item, back: Item, shop: Shop): Promise<void> {
  const page = await onOnePage([front.whole!, back.whole!])
  if (page.size > shop.limits.fileSize) throw new Error('The page is larger than the shop takes.')
  Object.assign(front, { whole: page, small: null, original: null, size: page.size, hadPlace: front.hadPlace || back.hadPlace })
  if (front.picture) URL.revokeObjectURL(front.picture)
  await picture(front)
}

export function describe(item: Item): string {
  const pages = pagesOf(item)
  return [pages !== null && item.type === 'application/pdf' ? count('common.pages', pages) : null, size(item.size)].filter(Boolean).join(' · ')
}

/** What stands in the place of a picture, if there is a short word for it. */
export const badge = (item: Item): string | null => find(`common.type.${item.type}`) ?? /\.([a-z0-9]{1,4})$/i.exec(item.name)?.[1] ?? null
