/**
 * Ids of spans of runs and steps. They come from what they are of, so that whatever process has a run at the time, before
 * or after it was evicted, tells the same ones, and a step's calls name it as their parent before it is told itself.
 */
import { digest, fromBase64Url, toBytes } from '../core/text.ts'

/** A step's own: the same for every attempt. */
export const stepDigest = (run: string, key: string): Promise<string> => digest(toBytes(JSON.stringify([run, key])))

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Of one attempt at a step, by the step's digest. */
export const stepSpan = (step: string, attempt: number): string =>
  hex(Uint8Array.of(...fromBase64Url(step).subarray(0, 7), attempt & 255))

/** Another span of the same trace. */
export const withSpan = (traceparent: string, span: string): string => `${traceparent.slice(0, 36)}${span}${traceparent.slice(52)}`

export const spanIn = (traceparent: string): string => traceparent.slice(36, 52)

/** Of a run from its beginning to its end; with an epoch, of the time that one holder had it. */
export const runSpan = async (run: string, epoch = 0): Promise<string> =>
  hex(fromBase64Url(await digest(toBytes(JSON.stringify(['run', run, epoch])))).subarray(0, 8))

/** Of a run that was begun without a trace, one of its own. */
export const traceOf = async (run: string): Promise<string> => {
  const id = hex(fromBase64Url(await digest(toBytes(run))).subarray(0, 16))
  return `00-${id}-${id.slice(0, 16)}-01`
}
