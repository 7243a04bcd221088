/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), read as they come. */
import { errorOf, NoAnswerError } from './errors.js'

/**
 * Text as it came in pieces → events as (type, data). What is no whole event at the end is none.
 *
 * @returns {(piece: string) => { type: string, data: string }[]}
 */
export const reader = () => {
  let rest = ''
  let type = ''
  /** @type {string[]} */
  let data = []
  return (piece) => {
    const found = []
    const lines = (rest + piece).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) found.push({ type: type || 'message', data: data.join('\n') })
        type = ''
        data = []
        continue
      }
      const colon = line.indexOf(':')
      if (colon === 0) continue
      const name = colon < 0 ? line : line.slice(0, colon)
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
      if (name === 'event') type = value
      else if (name === 'data') data.push(value)
    }
    return found
  }
}

/**
 * The events of a response; leaving the loop lets go of the connection.
 *
 * @param {Response} response
 * @returns {AsyncGenerator<unknown, void, void>}
 */
export async function* eventsOf(response) {
  const stream = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  if (!stream) return
  const read = reader()
  try {
    for (;;) {
      const { done, value } = await stream.read()
      if (done) return
      for (const { type, data } of read(value)) {
        const said = parse(data)
        if (type === 'error') throw errorOf(typeof said?.status === 'number' ? said.status : 500, said)
        yield said
      }
    }
  } finally {
    await stream.cancel().catch(() => undefined)
  }
}

/** @param {string} data */
const parse = (data) => {
  try {
    return JSON.parse(data)
  } catch (error) {
    throw new NoAnswerError('An event is not valid JSON', 'unreadable', error)
  }
}
