/** Which values are secret, and text without them. Knows what was read, not where it came from. */
import { toBase64 } from './text.ts'

const values = /* @__PURE__ */ new Set<string>()
/** All forms of all values, the longest first, so that no part of one is left beside another. */
let forms: readonly string[] = []

/** Anything shorter would blot out ordinary text. */
const SHORTEST = 6

/** What base64 has of a text wherever it stands in what is encoded: the letters that nothing else has a part in. */
const encoded = (value: string): string[] =>
  ['', 'x', 'xx'].flatMap((before) => {
    const [start, end] = [[0, 2, 3][before.length], Math.floor(((new TextEncoder().encode(before + value).length) * 4) / 3)]
    const part = toBase64(before + value).slice(start, end)
    return [part, part.replaceAll('+', '-').replaceAll('/', '_')]
  })

/** A value which log lines and errors show as `[secret]` from now on, as it is and as it is written in URLs and base64. */
export const keepSecret = (value: string): void => {
  if (value.length < SHORTEST || values.has(value)) return
  values.add(value)
  const quoted = JSON.stringify(value)
  const inUrl = encodeURIComponent(value.toWellFormed())
  // as it is; in JSON, and in JSON in JSON; in URLs and forms
  const all = [value, quoted.slice(1, -1), JSON.stringify(quoted).slice(3, -3), inUrl, inUrl.replaceAll('%20', '+'), ...encoded(value)]
  const long = all.filter((form) => form.length >= SHORTEST)
  forms = [...new Set([...forms, ...long])].sort((a, b) => b.length - a.length)
}

/** The text with `[secret]` for whatever in it is one. */
export const redact = (text: string): string => {
  let clean = text
  for (const form of forms) clean = clean.replaceAll(form, '[secret]')
  return clean
}

/** What JSON says of a value, without secrets. */
export const redactValue = <T>(value: T): T =>
  forms.length === 0 || value === undefined ? value : (JSON.parse(redact(JSON.stringify(value))) as T)
