/** The table of cases in one process: an emulated queue hands jobs to a unit's consumers. And what no table has. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import * as pieces from '../../unitgraph/runtime/pieces.ts'
import { createSecrets } from '../../unitgraph/runtime/core/secret-service.ts'
import { createHost } from '../../unitgraph/runtime/core/host.ts'
import { createUnit } from '../../unitgraph/runtime/core/unit.ts'
import { events } from '../../unitgraph/runtime/entry/events.ts'
import { worker } from '../../unitgraph/runtime/entry/cloudflare.ts'
import { consumer } from '../../unitgraph/runtime/queue/cloudflare.ts'
import { queue, retryDelayMs, type Retries } from '../../unitgraph/runtime/queue/index.ts'
import { JobLedger } from '../../unitgraph/runtime/queue/ledger.ts'
import { JOB_LIMIT_BYTES, readMessage, writeMessage, type Message } from '../../unitgraph/runtime/queue/message.ts'
import { createQueueService } from '../../unitgraph/runtime/queue/service.ts'
import { rpc } from '../../unitgraph/runtime/rpc.ts'
import { queueService } from '../../unitgraph/runtime/services/queue.ts'
import { pikkuSessionlessFunc } from '#pikku'
import { z } from 'zod'
import { logged } from './helpers.ts'
import * as jobs from './jobs/functions.ts'

interface Case {
  name: string
  queue: string
  data?: unknown
  fill?: number
  letter?: string
  options?: object
  lines?: Record<string, unknown>[]
  status?: number
}

const CASES = (await Bun.file(`${import.meta.dir}/jobs/cases.json`).json()) as Case[]
const RETRIES: Retries = { maxRetries: 3, retryDelayMs: 0, backoff: 'exponential', timeoutMs: 900_000 }
const input = z.object({ do: z.string(), times: z.number().optional(), text: z.string().optional() })
const platform = { signal: new AbortController().signal, waitUntil: () => undefined }

/** As the wirings beside the functions say it. */
const made = () => {
  const host = createHost({ project: 'jobs' }, {})
  const unit = createUnit({
    unit: 'jobs',
    functions: {
      work: { value: jobs.work, input }, take: { value: jobs.take }, hurry: { value: jobs.hurry }, guarded: { value: jobs.guarded },
      permitted: { value: jobs.permitted }, lonely: { value: jobs.lonely }, bury: { value: jobs.bury }, price: { value: jobs.price },
    },
    middleware: { said: [jobs.aroundTag] },
    rpc, pieces,
  }, host)
  const part = queue([
    { queue: 'work', function: 'work', ...RETRIES, maxRetries: 2, options: { errors: ['HopelessError'] } },
    { queue: 'mailOut', function: 'work', ...RETRIES, maxRetries: 2, retryDelayMs: 1000, options: { middleware: [jobs.aroundWiring], tags: ['said'] } },
    { queue: 'any', function: 'take', ...RETRIES },
    { queue: 'hasty', function: 'hurry', ...RETRIES, maxRetries: 1, timeoutMs: 200 },
    { queue: 'guarded', function: 'guarded', ...RETRIES },
    { queue: 'permitted', function: 'permitted', ...RETRIES, options: { permissions: { nobody: async () => false } } },
    { queue: 'lonely', function: 'lonely', ...RETRIES, maxRetries: 0 },
    { queue: 'dead', function: 'bury', ...RETRIES },
  ])
  const consumers = part.start(unit)
  /** To its end, in the dead letters where it comes to that; nothing waits. */
  const deliver = async (name: string, { text, id }: Message): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await consumers.get(name)!.run({ body: text, messageId: id, attempt }, platform)
      if (outcome.is === 'given-up' && name !== 'lonely') return deliver('dead', { text, id, isNamed: false, delayMs: 0 })
      if (outcome.is !== 'retry') return
    }
  }
  return { consumers, deliver, service: createQueueService((name) => consumers.has(name), deliver) }
}

const holds = (found: any, part: any): boolean =>
  typeof part === 'object' && part !== null
    ? typeof found === 'object' && found !== null && (!Array.isArray(part) || found.length === part.length) &&
      Object.keys(part).every((key) => holds(found[key], part[key]))
    : found === part

describe('the table, in process', () => {
  test.each(CASES)('$name', async ({ queue: name, data, fill, letter = 'x', options = {}, lines, status }) => {
    const { service } = made()
    const rich = { at: new Date(0), big: 12n, set: new Set(['a']), map: new Map([[1, 'b']]), bytes: new Uint8Array([7]) }
    const given = fill === undefined ? (data === 'rich' ? rich : data) : { do: 'note', text: letter.repeat(fill) }
    let answered = 200
    const said = await logged(() => service.add(name as never, given as never, options).then(() => undefined, (error: any) => { answered = error.status }))
    expect(answered).toBe(status ?? 200)
    // what an attempt that took too long says at last comes when it comes
    const left = said.filter(({ jobId, msg }) => jobId !== undefined && msg !== 'hurried')
    for (const wanted of (lines ?? []).filter(({ msg }) => msg !== 'hurried')) {
      const index = left.findIndex((line) => holds(line, wanted))
      expect(index >= 0, `${JSON.stringify(wanted)} in ${JSON.stringify(left)}`).toBe(true)
      left.splice(index, 1)
    }
    expect(left).toEqual([])
  })
})

describe('messages', () => {
  test('come back as they were', () => {
    const { text, id } = writeMessage({ at: new Date(5), deep: [{ n: 1n }] }, { jobId: 'a', attempts: 2 })
    expect(readMessage(text, 'other')).toEqual({ id, isNamed: true, attempts: 2, data: { at: new Date(5), deep: [{ n: 1n }] } })
  })
  test('of others are data, whatever they are', () => {
    for (const body of ['text', '', { a: 1 }, null, 7, [1], new Uint8Array([1])]) {
      expect(readMessage(body, 'm1')).toEqual({ id: 'm1', isNamed: false, attempts: undefined, data: body })
    }
  })
  test.each(['{"$unitgraph":"job",', '{"$unitgraph":"job",}', '{"$unitgraph":"job","id":7}', '{"$unitgraph":"job","data":1}'])('%s is garbled', (text) => {
    expect(() => readMessage(text, 'm1')).toThrow()
  })
  test('no key reaches a prototype', () => {
    const { data } = readMessage('{"$unitgraph":"job","id":"a","data":{"__proto__":{"polluted":1}}}', 'm1') as any
    expect([Object.getPrototypeOf(data) === Object.prototype, ({} as any).polluted]).toEqual([true, undefined])
  })
  test('the limit is that of the text, in bytes', () => {
    const most = JOB_LIMIT_BYTES - writeMessage('', { jobId: 'a' }).text.length
    expect(writeMessage('x'.repeat(most), { jobId: 'a' }).text.length).toBe(JOB_LIMIT_BYTES)
    expect(() => writeMessage('x'.repeat(most + 1), { jobId: 'a' })).toThrow('127000')
  })
})

test.each<[Partial<Retries>, number, number]>([
  [{ retryDelayMs: 5000 }, 1, 5000], [{ retryDelayMs: 5000 }, 3, 20_000], [{ retryDelayMs: 5000 }, 60, 43_200_000],
  [{ retryDelayMs: 5000, backoff: 'fixed' }, 9, 5000], [{ retryDelayMs: 0 }, 9, 0],
])('back-off of %o after attempt %d is %d ms', (more, attempt, ms) => {
  expect(retryDelayMs({ ...RETRIES, ...more }, attempt)).toBe(ms)
})

test('a job whose worker died each time is given up before it is started once more', async () => {
  const { consumers } = made()
  let outcome: unknown
  const said = await logged(async () => {
    outcome = await consumers.get('work')!.run({ body: writeMessage({ do: 'note' }, { jobId: 'a' }).text, messageId: 'a', attempt: 4 }, platform)
  })
  expect(outcome).toEqual({ is: 'given-up' })
  expect(said.map(({ msg, jobId }) => [msg, jobId])).toEqual([['The job was started 3 times and never ended', 'a']])
})

test('a secret is not in the line of a job that failed with it', async () => {
  const host = createHost({ project: 'p' }, { TOKEN: 'a-very-secret-token' })
  const failing = pikkuSessionlessFunc(async () => { throw new Error(`refused ${await createSecrets(host.env).getSecret('TOKEN')}`) })
  const unit = createUnit({ unit: 'u', functions: { failing: { value: failing } } }, host)
  const run = queue([{ queue: 'q', function: 'failing', ...RETRIES }]).start(unit).get('q')!
  const said = await logged(() => run.run({ body: 1, messageId: 'm', attempt: 1 }, platform))
  expect([said[0]?.['msg'], JSON.stringify(said).includes('very-secret')]).toEqual(['refused [secret]', false])
})

describe('on Cloudflare', () => {
  class Space {
    readonly objects = new Map<string, JobLedger>()
    idFromName = (name: string) => name
    get(id: unknown) {
      const name = String(id)
      const kept = new Map<string, any>()
      const storage = { get: async (key: string) => kept.get(key), put: async (key: string, value: any) => void kept.set(key, value), setAlarm: async () => undefined, deleteAll: async () => kept.clear() }
      if (!this.objects.has(name)) this.objects.set(name, new JobLedger({ storage }))
      return { fetch: (url: string, init: RequestInit) => this.objects.get(name)!.fetch(new Request(url, init)) }
    }
  }
  const message = (body: unknown, id = 'm1', attempts = 1) => {
    const settled: unknown[] = []
    return { id, body, attempts, settled, ack: () => settled.push('ack'), retry: (options?: object) => settled.push(options ?? 'retry') }
  }
  const seen: unknown[] = []
  const note = pikkuSessionlessFunc(async (_services, data: any) => {
    seen.push(data)
    if (data === 'fail' || data?.fail) throw new Error('no')
  })
  const running = (env: Record<string, unknown> = {}) => {
    const made = worker({
      project: 'p', unit: 'u', functions: { note: { value: note } }, queue: queue([{ queue: 'noteAll', function: 'note', ...RETRIES, maxRetries: 1, retryDelayMs: 1500 }]),
      on: events({ queue: consumer({ 'note-all': { queue: 'noteAll', concurrency: 2, ...(env['DEAD'] ? { deadLetters: 'DEAD' } : {}) } }) }),
    })
    return (messages: unknown[], name = 'note-all') =>
      made.queue!({ queue: name, messages }, { LOG_LEVEL: 'silent', UNITGRAPH_JOBS: new Space(), ...env }, { waitUntil: () => undefined })
  }
  const dead = () => {
    const sent: unknown[] = []
    return { sent, binding: { send: async (body: unknown, options: unknown) => void sent.push([body, options]) } }
  }

  test('each message is settled for itself', async () => {
    const [good, bad, spent] = [message('good', 'm1'), message('fail', 'm2'), message('fail', 'm3', 2)]
    await running()([good, bad, spent])
    expect([good, bad, spent].map(({ settled }) => settled)).toEqual([['ack'], [{ delaySeconds: 2 }], ['ack']])
  })
  test('dead letters go as they came: text, JSON, bytes', async () => {
    const { sent, binding } = dead()
    const bytes = new Uint8Array([1])
    const garbled = '{"$unitgraph":"job",'
    await running({ DEAD: binding })([message('fail', 'm1', 2), message({ fail: 1 }, 'm2', 2), message(garbled, 'm3', 2)])
    expect(sent.map((one) => JSON.stringify(one)).sort()).toEqual([['fail', { contentType: 'text' }], [garbled, { contentType: 'text' }], [{ fail: 1 }, { contentType: 'json' }]].map((one) => JSON.stringify(one)).sort())
    await running({ DEAD: binding })([message(bytes, 'm4', 9)])
    expect(sent.at(-1)).toEqual([bytes, { contentType: 'bytes' }])
  })
  test('a message that can not be settled is not lost', async () => {
    const binding = { send: async () => { throw new Error('Too Many Requests') } }
    const one = message('fail', 'm1', 2)
    await running({ DEAD: binding })([one])
    expect(one.settled).toEqual(['retry'])
  })
  test('an id that was given is run once, however often it was sent', async () => {
    const text = () => writeMessage('once', { jobId: 'a' }).text
    const deliver = running({ UNITGRAPH_JOBS: new Space() })
    const all = [message(text(), 'm1'), message(text(), 'm2'), message(text(), 'm1', 2)]
    const before = seen.length
    for (const one of all) await deliver([one])
    expect([all.map(({ settled }) => settled), seen.slice(before)]).toEqual([[['ack'], ['ack'], ['ack']], ['once']])
  })
  test('and again when its message comes back because it failed', async () => {
    const { text } = writeMessage('fail', { jobId: 'a' })
    const deliver = running({ UNITGRAPH_JOBS: new Space() })
    const before = seen.length
    for (const one of [message(text, 'm1'), message(text, 'm2'), message(text, 'm1', 2)]) await deliver([one])
    expect(seen.slice(before)).toEqual(['fail', 'fail'])
  })
  test('what was given up and is delivered all the same is run', async () => {
    const { text } = writeMessage('fail', { jobId: 'a' })
    const deliver = running({ UNITGRAPH_JOBS: new Space() })
    const again = message(text, 'm1', 1)
    await deliver([message(text, 'm1', 2)])
    await deliver([again])
    expect(again.settled).toEqual([{ delaySeconds: 2 }])
  })
  test('without the record of ids nothing that has one is run twice: it waits', async () => {
    const one = message(writeMessage('x', { jobId: 'a' }).text)
    await running({ UNITGRAPH_JOBS: undefined })([one])
    expect(one.settled).toEqual(['retry'])
  })
  test('a queue that is none of the unit\'s is an error, and so is a unit that can not be built', async () => {
    await expect(running()([message(1)], 'other')).rejects.toThrow('takes no jobs from the queue other')
    const broken = worker({ project: 'p', unit: 'u', functions: {}, services: async () => { throw new Error('no database') }, on: events({ queue: consumer({}) }) })
    let thrown: unknown
    const said = await logged(() => broken.queue!({ queue: 'q', messages: [] }, {}, { waitUntil: () => undefined }).catch((error: unknown) => { thrown = error }))
    expect([(thrown as Error).message, said[0]?.['code']]).toEqual(['no database', 'not-started'])
  })
  test('a producer says how long to wait, in whole seconds', async () => {
    const { sent, binding } = dead()
    const service = queueService({ orders: 'QUEUE_ORDERS', gone: 'QUEUE_GONE' })({ bindings: { QUEUE_ORDERS: binding } })
    expect(await service.add('orders', { a: 1 }, { jobId: 'x', delay: 1200 })).toBe('x')
    expect(sent).toEqual([['{"$unitgraph":"job","id":"x","isNamed":true,"data":{"a":1}}', { contentType: 'text', delaySeconds: 2 }]])
    await expect(service.add('gone', 1)).rejects.toThrow('QUEUE_GONE is missing')
    await expect(service.add('nowhere', 1)).rejects.toThrow('no queue of this name')
  })
})
