/** Texts that PostgreSQL can't hold, U+0000 and halves of surrogate pairs, as ones that it can, and back. Pure. */

const MARK = '\u001a'
const BAD = /[\u0000\u001a]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g
/** As JSON writes them. */
const MAY_BE_BAD = /\\u(?:0000|001a|d[89a-f])/
const MARKED = /\u001a([0-9a-f]{4})/g

export const escaped = (text: string): string =>
  text.replace(BAD, (unit) => `${MARK}${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

const unescaped = (text: string): string => text.replace(MARKED, (_marked, code: string) => String.fromCharCode(Number.parseInt(code, 16)))

const each = (change: (text: string) => string) => (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? change(value) : value

export const toText = (value: unknown): string => {
  const text = JSON.stringify(value)
  return MAY_BE_BAD.test(text) ? JSON.stringify(value, each(escaped)) : text
}

export const fromText = (text: string): unknown =>
  (text.includes('\\u001a') ? JSON.parse(text, each(unescaped)) : JSON.parse(text)) as unknown
