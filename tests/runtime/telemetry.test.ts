/** Spans: what is told of runs whoever has them, and how a collector gets them. */
import { describe, expect, test } from 'bun:test'
import { pikkuSessionlessFunc } from '#pikku'
import { createHost } from '../../unitgraph/runtime/core/host.ts'
import type { Span } from '../../unitgraph/runtime/core/span.ts'
import { createUnit } from '../../unitgraph/runtime/core/unit.ts'
import { queue } from '../../unitgraph/runtime/queue/index.ts'
import { schedule } from '../../unitgraph/runtime/schedule/index.ts'
import type { Logger } from '../../unitgraph/runtime/types/services.ts'
import { createExporter } from '../../unitgraph/runtime/telemetry/otlp.ts'
import { traced } from '../../unitgraph/runtime/telemetry/runs.ts'
import { isAskedFor, readSettings } from '../../unitgraph/runtime/telemetry/settings.ts'
import { createMemoryStore } from '../../unitgraph/runtime/workflow/memory.ts'
import { spanIn } from '../../unitgraph/runtime/workflow/trace.ts'
import { createLab, type Code } from './workflow/lab.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

describe('runs', () => {
  const order: Code = async (workflow) => {
    await workflow.do('Pay', 'pay' as never, {} as never, { retryDelay: '1s' })
    await workflow.now()
    await workflow.sleep('Wait', '5m')
    await workflow.do('Child', 'print' as never, {} as never)
    return workflow.do('Tell', async () => 'told')
  }

  const ran = async (crash: boolean) => {
    const spans: Span[] = []
    const wrong: unknown[] = []
    let fails = true
    const lab = createLab({
      workflows: { order, print: async (workflow) => workflow.do('Print', async () => 1) },
      steps: { pay: () => { if (fails) { fails = false; throw new Error('no money') } return 1 } },
      store: (now) => traced(createMemoryStore(now), (span) => void spans.push(span), (telling) => void telling.catch((error) => wrong.push(error))),
    })
    lab.spawn('one')
    await lab.store.start({ id: 'r', name: 'order', version: 'v', input: '{}', traceparent: TRACE })
    await lab.until(() => lab.done('Pay').length === 2)
    if (crash) lab.dieNext('after')
    await lab.ended('r')
    await lab.pass(100)
    expect(wrong).toEqual([])
    return { spans, run: await lab.run('r'), of: (name: string) => spans.filter((span) => span.name === name) }
  }

  test('a run is one span, its steps are within it, each attempt by itself', async () => {
    const { spans, of, run } = await ran(false)
    const own = spans.filter(({ attributes }) => attributes['workflow.run.id'] === 'r')
    expect(new Set(own.map(({ traceparent }) => traceparent.slice(0, 36)))).toEqual(new Set([TRACE.slice(0, 36)]))
    const [whole] = of('order')
    expect(whole).toMatchObject({ parent: 'b7ad6b7169203331', startMs: run.head.createdAt, endMs: run.head.finishedAt, attributes: { 'workflow.status': 'completed' } })
    const id = spanIn(whole!.traceparent)
    expect(of('Pay').map(({ parent, error, attributes }) => [parent, error, attributes['workflow.step.attempt']])).toEqual([[id, 'no money', 1], [id, undefined, 2]])
    expect(of('Wait').map(({ parent, startMs, endMs }) => [parent, endMs - startMs >= 300_000])).toEqual([[id, true]])
    expect(of('now')).toEqual([])
    expect(of('Tell').length).toBe(1)
    // the sleep let go of it
    expect(of('order held').map(({ attributes }) => attributes['workflow.outcome']).slice(-1)).toEqual(['completed'])
    expect(new Set(spans.map(({ traceparent }) => traceparent)).size).toBe(spans.length)
  })

  test('whoever has it next tells the same ids, and leads back to who had it before', async () => {
    const { of } = await ran(true)
    const held = of('order held').sort((a, b) => Number(a.attributes['workflow.epoch']) - Number(b.attributes['workflow.epoch']))
    expect(held.length >= 2).toBe(true)
    const epochs = new Map(held.map((span) => [span.attributes['workflow.epoch'], span.traceparent]))
    for (const { attributes, links } of held) {
      const epoch = Number(attributes['workflow.epoch'])
      if (epochs.has(epoch - 1)) expect(links).toEqual([epochs.get(epoch - 1)!])
      else expect(links!.length).toBe(epoch > 1 ? 1 : 0)
    }
    expect(of('order').length).toBe(1)
    expect(new Set([...of('Pay'), ...of('Wait'), ...of('Tell')].map(({ parent }) => parent))).toEqual(new Set([spanIn(of('order')[0]!.traceparent)]))
    for (const name of ['Wait', 'Tell']) expect(of(name).length).toBe(1)
  })
})

describe('a collector', () => {
  const span = (n: number, more: Partial<Span> = {}): Span => ({
    traceparent: `00-0af7651916cd43dd8448eb211c80319c-${String(n).padStart(16, '0')}-01`, name: `n${n}`, kind: 'server', startMs: 1_700_000_000_000.25, endMs: 1_700_000_000_001,
    attributes: { text: 'x', count: 3, part: 0.5, yes: true, no: undefined }, ...more,
  })
  /** Answers with these statuses one after the other, then with 200. */
  const collector = async (statuses: readonly (number | [number, string])[] = []) => {
    const got: { body: any; headers: Headers; path: string }[] = []
    const left = [...statuses]
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: async (request: Request) => {
      got.push({ body: await request.json(), headers: request.headers, path: new URL(request.url).pathname })
      const next = left.shift() ?? 200
      return Array.isArray(next) ? new Response('{}', { status: next[0], headers: { 'retry-after': next[1] } }) : new Response('{}', { status: next })
    } })
    const said: string[] = []
    const note = (text: unknown, fields?: { count?: number }): void => void said.push(`${text} ${fields?.count ?? ''}`)
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.port}/`, OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20secret', OTEL_RESOURCE_ATTRIBUTES: 'zone=eu,service.name=x', OTEL_SERVICE_NAME: 'shop' }
    const exporter = createExporter(readSettings(env, 'project', 'r1'), { warn: note } as unknown as Logger)
    const names = () => got.flatMap(({ body }) => body.resourceSpans[0].scopeSpans[0].spans.map(({ name }: any) => name))
    return { got, said, exporter, names, end: async () => { await exporter.close(); server.stop(true) } }
  }

  test('is sent what OTLP says, many together', async () => {
    const { got, exporter, end } = await collector()
    exporter.tell(span(1, { parent: 'b7ad6b7169203331', error: 'broken', links: [TRACE] }))
    exporter.tell(span(2))
    exporter.tell(span(3, { traceparent: span(3).traceparent.replace(/01$/, '00') }))
    await end()
    expect(got.map(({ path, headers }) => [path, headers.get('content-type'), headers.get('x-key')])).toEqual([['/v1/traces', 'application/json', 'a secret']])
    const { resource, scopeSpans: [{ spans }] } = got[0]!.body.resourceSpans[0]
    const attributes = Object.fromEntries(resource.attributes.map(({ key, value }: any) => [key, value.stringValue]))
    expect([attributes['service.name'], attributes['service.version'], attributes.zone]).toEqual(['shop', 'r1', 'eu'])
    expect(spans.length).toBe(2)
    expect(spans[0]).toEqual({
      traceId: '0af7651916cd43dd8448eb211c80319c', spanId: '0000000000000001', parentSpanId: 'b7ad6b7169203331', name: 'n1', kind: 2,
      startTimeUnixNano: '1700000000000250000', endTimeUnixNano: '1700000000001000000',
      attributes: [
        { key: 'text', value: { stringValue: 'x' } }, { key: 'count', value: { intValue: '3' } }, { key: 'part', value: { doubleValue: 0.5 } }, { key: 'yes', value: { boolValue: true } },
      ],
      links: [{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }], status: { code: 2, message: 'broken' },
    })
  })

  test('that is busy is asked again, and nothing is lost or sent in another order', async () => {
    const { names, exporter, said, end } = await collector([503, [429, '0']])
    for (let n = 0; n < 1200; n += 1) exporter.tell(span(n))
    while (names().length < 1200 + 2 * 512) await new Promise((resolve) => setTimeout(resolve, 20))
    await end()
    expect(names().slice(2 * 512)).toEqual(Array.from({ length: 1200 }, (_, n) => `n${n}`))
    expect(said).toEqual([])
  })

  test('that refuses them has lost them, which is said once', async () => {
    const { got, exporter, said, end } = await collector([400, 400])
    for (let n = 0; n < 1024; n += 1) exporter.tell(span(n))
    await end()
    expect(got.length).toBe(2)
    expect(said).toEqual(['Spans were lost: the collector answered 400 512', 'Spans were lost 512'])
  })

  test('that is not there holds nobody up', async () => {
    const said: string[] = []
    const exporter = createExporter(readSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }, 'p', undefined), { warn: (text: string) => said.push(text) } as unknown as Logger)
    for (let n = 0; n < 6000; n += 1) exporter.tell(span(n))
    const began = performance.now()
    await exporter.close()
    expect(performance.now() - began < 7000).toBe(true)
    expect(said[0]).toMatch(/^Spans were lost: /)
  })

  test.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, 'OTEL_EXPORTER_OTLP_ENDPOINT is no http URL'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'ftp://x' }, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no http URL'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'is grpc'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_EXPORTER_OTLP_HEADERS: 'a secret' }, 'OTEL_EXPORTER_OTLP_HEADERS is no list'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_EXPORTER_OTLP_TIMEOUT: 'soon' }, 'OTEL_EXPORTER_OTLP_TIMEOUT is no number'],
  ])('%j is wrong', (env, message) => {
    let said = ''
    try { readSettings(env, 'p', undefined) } catch (error) { said = (error as Error).message }
    expect(said).toContain(message)
    expect(said).not.toContain('a secret')
  })

  test('is asked for, or not', () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://x'
    expect([{}, { OTEL_EXPORTER_OTLP_ENDPOINT }, { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' }, { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }].map(isAskedFor)).toEqual([false, true, false, false])
    expect(readSettings({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://x/y' }, 'p', undefined).url).toBe('http://x/y')
  })
})

describe('jobs and the clock', () => {
  const made = (func: () => unknown) => {
    const spans: Span[] = []
    const host = createHost({ project: 'shop' }, { LOG_LEVEL: 'silent' }, { tell: (span) => void spans.push(span) })
    const unit = createUnit({ unit: 'shop-work', functions: { work: { value: pikkuSessionlessFunc(async () => func()) } } }, host)
    return { spans, unit }
  }
  const platform = { signal: new AbortController().signal, waitUntil: () => undefined }

  const fails = (isFailing: boolean) => () => { if (isFailing) throw new Error('broken') }

  test.each([false, true])('a job is a span, failing: %j', async (isFailing) => {
    const { spans, unit } = made(fails(isFailing))
    const consumer = queue([{ queue: 'parcels', function: 'work', maxRetries: 1, retryDelayMs: 1, backoff: 'fixed', timeoutMs: 1000 }]).start(unit).get('parcels')!
    await consumer.run({ body: 1, messageId: 'm1', attempt: 1 }, platform)
    expect(spans).toMatchObject([{ name: 'process parcels', kind: 'consumer', attributes: { 'messaging.message.id': 'm1', 'messaging.message.attempt': 1 } }])
    expect(spans[0]!.error).toBe(isFailing ? 'retry' : undefined)
  })

  test.each([false, true])('a task is a span, failing: %j', async (isFailing) => {
    const { spans, unit } = made(fails(isFailing))
    await schedule([{ name: 'nightly', schedule: '0 3 * * *', function: 'work' }]).start(unit).get('nightly')!.run(new Date(), platform)
    expect(spans).toMatchObject([{ name: 'task nightly', attributes: { 'unitgraph.unit': 'shop-work' } }])
    expect(spans[0]!.error).toBe(isFailing ? 'broken' : undefined)
  })
})

describe('a run in an object of Workers', () => {
  const said: string[] = []
  const logger = { warn: (text: unknown) => void said.push(String(text)) } as unknown as Logger
  const lives = async (endpoint: string) => {
    const { spans } = await import(`../../unitgraph/runtime/telemetry/cloudflare.ts?${encodeURIComponent(endpoint)}`) as typeof import('../../unitgraph/runtime/telemetry/cloudflare.ts')
    const store = createMemoryStore()
    await store.start({ id: 'r', name: 'order', version: 'v', input: '{}' })
    const began = performance.now()
    const told = (await spans(store, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, 'shop', logger))!
    const { runs: [run] } = await told.store.claim({ worker: 'w', ttlMs: 1000, versions: { order: 'v' }, count: 1 })
    await told.store.append({ id: 'r', epoch: run!.head.epoch, fromSeq: 0, entries: [], change: { status: 'completed', output: '1' } })
    const ranMs = performance.now() - began
    await told.close()
    return { ranMs, endedMs: performance.now() - began, status: (await store.load('r'))!.head.status }
  }

  test.each(['answers 500', 'hangs', 'is away'])('with a collector that %s ends as any other, within seconds', async (how) => {
    said.length = 0
    let asked = 0
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => {
      asked += 1
      return how === 'hangs' ? new Promise<Response>(() => undefined) : new Response('{}', { status: 500 })
    } })
    const endpoint = `http://127.0.0.1:${server.port}`
    if (how === 'is away') server.stop(true)
    const { ranMs, endedMs, status } = await lives(endpoint)
    server.stop(true)
    expect(status).toBe('completed')
    expect(ranMs).toBeLessThan(1000)
    expect(endedMs).toBeLessThan(how === 'hangs' ? 7000 : 2000)
    expect(asked).toBe(how === 'is away' ? 0 : 1)
    expect(said.length >= 1 && said[0]!.startsWith('Spans were lost')).toBe(true)
  }, 10_000)
})
