import type { Offer, PrintOptions } from '../shared/printing.ts'
import { ask, readJson } from './ask.ts'
import { pause } from './pause.ts'

/** What the page knows of its shop: a data block that the server writes. */
export interface Shop {
  /** Before the paths of the shop: `/s/corner-print`, or nothing. */
  prefix: string
  /** Where to add files to, if the customer has a session already. */
  sessionId: string | null
  /** How many files that session holds, and of how many bytes. */
  held: { files: number; size: number }
  limits: { files: number; fileSize: number; sessionSize: number }
  acceptedTypes: string[]
  offer: Offer
  printOptions: PrintOptions
}

/**
 * As it is by now; null: it takes no files any more, or the signal came before an answer.
 * @param heard Is told of each try whether there was an answer.
 */
export async function readShopAgain({ prefix, sessionId }: Shop, signal: AbortSignal, heard: (isAnswered: boolean) => void): Promise<Shop | null> {
  for (let failures = 0; !signal.aborted; failures++) {
    const answer = await ask(sessionId ? `${prefix}/sessions/${sessionId}/add` : `${prefix}/`, {}, signal)
    heard(answer !== null)
    if (answer && answer.status < 500 && answer.status !== 429) {
      const page = new DOMParser().parseFromString(answer.text, 'text/html')
      return readJson(page.getElementById('shop')?.textContent ?? '') as Shop | null
    }
    await pause(failures, 0, signal)
  }
  return null
}

export const readShop = (): Shop => JSON.parse(document.getElementById('shop')!.textContent)
