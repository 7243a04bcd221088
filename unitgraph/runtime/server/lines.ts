/** Lines of the log of a process: those of one turn of the event loop are written together. */
import type { Write } from '../core/logger.ts'

declare const process: { on(event: 'exit', listener: () => void): void }
declare const setImmediate: (work: () => void) => unknown

/** A turn is short, but what it says may be long. */
const MOST = 65_536

export interface Lines {
  readonly write: Write
  flush(): void
}

/** What is an error is written at once, after all that was said before it; and at the end everything is. */
export const createLines = (): Lines => {
  let waiting = ''
  const flush = (): void => {
    const text = waiting
    waiting = ''
    if (text) console.log(text)
  }
  process.on('exit', flush)
  const write: Write = (line, level) => {
    if (level === 'error') {
      flush()
      console.error(line)
      return
    }
    if (!waiting) setImmediate(flush)
    waiting = waiting ? `${waiting}\n${line}` : line
    if (waiting.length > MOST) flush()
  }
  return { write, flush }
}
