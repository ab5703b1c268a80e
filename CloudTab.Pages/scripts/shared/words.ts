/** What the page says: the texts that the server has put beside it, in the page's language. */
const texts: Record<string, string> = JSON.parse(document.getElementById('words')?.textContent ?? '{}')

export const language = document.documentElement.lang

/** The text of a key, with its {placeholders} filled in. A key that is not there shows itself: a mistake of ours. */
export function say(key: string, values: Record<string, string | number> = {}): string {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

/** The text of a key that need not be there. */
export const find = (key: string): string | undefined => texts[key]

/** The text for a number: of `key.one` or `key.other`, whose {count} it is. */
export function count(key: string, number: number, values: Record<string, string | number> = {}): string {
  const isOne = (texts['plural.one'] ?? '').split(' ').includes(String(number))
  return say(`${key}.${isOne ? 'one' : 'other'}`, { count: number, ...values })
}
