/** What the page says: the texts that the server has put beside it, in the page's language. */
const texts: Record<string, string> = JSON.parse(document.getElementById('words')?.textContent ?? '{}')

export const language = document.documentElement.lang

/** The text of a key, with its {placeholders} filled in. A key that is not there shows itself: a mistake of ours. */
export function say(key: string, values: Record<string, string | number> = {}): string {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

/** The text of a key that need not be there. */
export const find = (key: string): string | undefined => texts[key]

const plurals = new Intl.PluralRules(language)

/** The text for a number, whose {count} it is: of `key.one`, `key.few` or whatever Unicode calls it in the language; `key.other` if that is not there. */
export function count(key: string, number: number, values: Record<string, string | number> = {}): string {
  const own = `${key}.${plurals.select(number)}`
  return say(own in texts ? own : `${key}.other`, { count: number, ...values })
}
