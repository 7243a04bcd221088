/** A run as server-sent events: what it is now, then each change, until it has ended. */
import { toJson } from '../core/json.ts'
import { toBytes } from '../core/text.ts'
import { ENDS, type Run } from '../workflow/run.ts'
import type { Managed } from './api.ts'
import { viewOf } from './view.ts'

const LOOK_MS = 300
/** Proxies end what is silent for longer. */
const SILENT_MS = 15_000

/** Whatever a change of a run moves. */
const markOf = ({ head, underway }: Run): string => [underway, head.status, head.seq, head.inboxSeq, head.epoch, head.dueAt, head.cancelAt].join(' ')

/** Ends with the run, with whoever listens, or with the process; the last event of a run that has ended is `end`. */
export const follow = ({ runs, signal }: Managed, first: Run): Response => {
  const gone = new AbortController()
  const either = AbortSignal.any([gone.signal, signal])
  const pause = (): Promise<void> => new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      either.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, LOOK_MS)
    either.addEventListener('abort', done)
  })
  const tell = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    let run: Run | undefined = first
    let last = ''
    for (let silentMs = 0; run && !either.aborted; silentMs += LOOK_MS) {
      // who reads slowly gets the newest, not all
      const isBehind = (controller.desiredSize ?? 1) <= 0
      if (!isBehind && markOf(run) !== last) {
        controller.enqueue(toBytes(`data: ${toJson(await viewOf(run))}\n\n`))
        last = markOf(run)
        silentMs = 0
      } else if (silentMs >= SILENT_MS) {
        controller.enqueue(toBytes(': \n\n'))
        silentMs = 0
      }
      if (ENDS.has(run.head.status) && markOf(run) === last) {
        controller.enqueue(toBytes('event: end\ndata: \n\n'))
        break
      }
      await pause()
      if (!either.aborted) run = await runs.load(first.head.id)
    }
  }
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      const told = tell(controller).then(() => controller.close())
      // who has gone hears nothing more
      told.catch((error: unknown) => { if (!gone.signal.aborted) controller.error(error) })
    },
    cancel: () => gone.abort(),
  })
  return new Response(stream, { headers: {
    'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no',
  } })
}
