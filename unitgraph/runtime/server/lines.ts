/** Lines of the log of a process. Those that may wait are written together, at the end of their turn of the event loop. */
import type { Write } from '../core/logger.ts'

declare const process: { on(event: 'exit', listener: () => void): void }
declare const setImmediate: (work: () => void) => unknown

/** A turn is short, but what it says may be long. */
const MOST = 65_536

export interface Lines {
  readonly write: Write
  /** What is said meanwhile may wait: that a request was answered is known to who asked. */
  later(say: () => void): void
  flush(): void
}

/** Everything else is written at once, after all that was said before it, so that `kill -9` takes no line of what was done. */
export const createLines = (): Lines => {
  let waiting = ''
  let mayWait = false
  const flush = (): void => {
    const text = waiting
    waiting = ''
    if (text) console.log(text)
  }
  process.on('exit', flush)
  const write: Write = (line, level) => {
    if (!mayWait) {
      flush()
      if (level === 'error') console.error(line)
      else console.log(line)
      return
    }
    if (!waiting) setImmediate(flush)
    waiting = waiting ? `${waiting}\n${line}` : line
    if (waiting.length > MOST) flush()
  }
  return {
    write,
    flush,
    later: (say) => {
      mayWait = true
      try {
        say()
      } finally {
        mayWait = false
      }
    },
  }
}
