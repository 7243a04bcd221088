/** One script for Durable Objects in workerd and for those in memory, whatever chance makes of them: both say the same. */
import { expect, test } from 'bun:test'
import { createObjects, type DurableObject } from './durable.ts'
import { chance } from './lab.ts'

/** Its declarations are made for another zod than the one that is tested here. */
interface Miniflare {
  readonly ready: Promise<URL>
  dispatchFetch(url: string, init: object): Promise<Response>
  dispose(): Promise<void>
}
const { Miniflare } = (await import(Bun.resolveSync('miniflare', process.env['WORKERS'] ?? import.meta.dir))) as { Miniflare: new (options: object) => Miniflare }

type Ask = (name: string, act: string) => Promise<unknown>

/** As text it is a Worker's code; nothing from outside is used. */
const makeProbe = () => class Probe {
  storage: any
  state: any
  namespace: any
  after: (ms: number, call: () => void) => unknown
  log: unknown[] = []
  alarms = 0

  constructor(state: any, env: any, after: (ms: number, call: () => void) => unknown = (ms, call) => setTimeout(call, ms)) {
    this.state = state
    this.storage = state.storage
    this.namespace = env.PROBE
    this.after = after
  }
  rest(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve))
  }
  async fetch(request: Request): Promise<Response> {
    const act = await request.text()
    return new Response(JSON.stringify({ said: await this.do(act) }))
  }
  async do(act: string): Promise<unknown> {
    const { storage } = this
    switch (act) {
      case 'log': return this.log
      case 'all': return [...await storage.list()]
      case 'alarm?': return (await storage.getAlarm()) !== null
      case 'count': {
        // what is read and written with nothing between stays together
        const n = (await storage.get('n')) ?? 0
        await storage.put({ n: n + 1 })
        return undefined
      }
      case 'count, and ask between': {
        const n = (await storage.get('n')) ?? 0
        await this.namespace.get(this.namespace.idFromName('other')).fetch('https://probe/', { method: 'POST', body: 'log' })
        await storage.put({ n: n + 1 })
        return undefined
      }
      case 'see': {
        storage.put({ b: 1, a: { deep: new Date(5) } })
        const [seen] = [await storage.get('a')]
        return [seen, [...(await storage.list()).keys()]]
      }
      case 'write and throw':
        storage.put({ kept: 1 })
        this.log.push('wrote')
        throw new Error('thrown')
      case 'block and throw':
        this.log.push('blocked')
        return this.state.blockConcurrencyWhile(async () => {
          await storage.get('a')
          throw new Error('thrown')
        })
      case 'most': return storage.put(Object.fromEntries(Array.from({ length: 128 }, (_, n) => [`k${n}`, n]))).then(() => 'fine', () => 'refused')
      case 'big': return storage.put({ big: 'x'.repeat(2_000_000) }).then(() => 'fine', () => 'refused')
      case 'wait': {
        this.log.push('waits')
        await this.rest(60)
        this.log.push('has waited')
        return undefined
      }
      case 'quick': return this.log.push('quick')
      case 'ring': return storage.setAlarm(Date.now() - 1000)
      case 'ring, and no': {
        storage.setAlarm(Date.now() + 20)
        return storage.deleteAlarm()
      }
      case 'ring, and forget all': {
        storage.put({ a: 1 })
        storage.setAlarm(Date.now() + 20)
        await storage.deleteAll()
        return [[...await storage.list()], await storage.getAlarm()]
      }
      default:
        await storage.put({ act })
        return storage.setAlarm(Date.now() + 10)
    }
  }
  async alarm(): Promise<void> {
    const { storage } = this
    this.alarms += 1
    const act = (await storage.get('act')) ?? 'just ring'
    this.log.push(`${act} ${this.alarms} ${(await storage.getAlarm()) === null ? 'no alarm' : 'alarm'}`)
    if (act === 'ring again while it rings' && this.alarms === 1) {
      await storage.setAlarm(Date.now())
      this.log.push((await storage.getAlarm()) === null ? 'not set' : 'set')
      await this.rest(50)
    }
    if (act === 'fail once' && this.alarms === 1) {
      this.log.push('fails')
      throw new Error('thrown')
    }
    if (act === 'fail, and ring anew' && this.alarms === 1) {
      await storage.setAlarm(Date.now() + 30)
      throw new Error('thrown')
    }
    this.log.push('rang')
  }
}

const rest = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

/** What is asked and what comes of it. */
const script = async (ask: Ask): Promise<unknown[]> => {
  const told: unknown[] = []
  const say = async (name: string, ...acts: readonly string[]): Promise<void> => {
    for (const act of acts) told.push([name, act, await ask(name, act)])
  }
  const ringing = ['fail once', 'fail, and ring anew', 'ring again while it rings'].map(async (act) => {
    await ask(act, act)
    const begun = Date.now()
    const rings = act === 'ring again while it rings' ? 2 : 1
    for (let log: unknown = []; JSON.stringify(log).split('rang').length <= rings && Date.now() < begun + 9000; await rest(20)) log = await ask(act, 'log')
    await rest(80)
    return [act, await ask(act, 'log'), await ask(act, 'alarm?'), Date.now() - begun > 1500 ? 'late' : 'soon']
  })
  await say('seeing', 'see', 'all')
  await Promise.all(Array.from({ length: 8 }, () => ask('counting', 'count')))
  await say('counting', 'all')
  await Promise.all(Array.from({ length: 8 }, () => ask('asking', 'count, and ask between')))
  told.push(['asking', ((await ask('asking', 'all')) as { said: [string, number][] }).said[0]![1] < 8])
  await say('throwing', 'write and throw', 'all', 'log')
  await say('blocking', 'see', 'block and throw', 'log', 'all')
  await say('most', 'most', 'big')
  await Promise.all([ask('waiting', 'wait'), rest(20).then(() => ask('waiting', 'quick'))])
  await say('waiting', 'log')
  await say('ringing', 'ring')
  await say('never', 'ring, and no', 'alarm?')
  await say('forgetting', 'ring, and forget all')
  await rest(100)
  for (const name of ['ringing', 'never', 'forgetting']) await say(name, 'log', 'alarm?')
  return [...told, ...await Promise.all(ringing)]
}

const answerOf = async (asking: Promise<Response>): Promise<unknown> => {
  try {
    return JSON.parse(await (await asking).text())
  } catch {
    return 'thrown'
  }
}

const inMemory = (seed: number): Ask => {
  const random = chance(seed)
  const { namespace } = createObjects({
    now: Date.now, later: (ms, call) => { const timer = setTimeout(call, Math.max(ms, 0)); return () => clearTimeout(timer) }, fly: (work) => work, random, fault: () => undefined,
  }, (state, life, seen) => new (makeProbe())(state, { PROBE: seen }, life.after) as DurableObject)
  return (name, act) => answerOf(namespace.get(name).fetch('https://probe/', { body: act }))
}

test('objects in memory are as those in workerd', async () => {
  const flare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'index.js', contents: `
      export const Probe = (${makeProbe.toString()})()
      export default { fetch: async (request, env) => {
        const answerOf = ${answerOf.toString()}
        const { name, act } = await request.json()
        return Response.json((await answerOf(env.PROBE.get(env.PROBE.idFromName(name)).fetch('https://probe/', { method: 'POST', body: act }))) ?? null)
      } }` }],
    compatibilityDate: '2026-04-01', durableObjects: { PROBE: { className: 'Probe', useSQLite: true } }, log: undefined, handleRuntimeStdio: () => undefined,
  })
  try {
    await flare.ready
    const inWorkerd: Ask = async (name, act) => (await flare.dispatchFetch('http://probe/', { method: 'POST', body: JSON.stringify({ name, act }) })).json()
    const [expected, ...got] = await Promise.all([script(inWorkerd), ...[1, 2, 3, 4].map((seed) => script(inMemory(seed)))])
    for (const one of got) expect(one).toEqual(expected!)
    if (process.env['TELL']) console.log(JSON.stringify(expected, null, 1))
  } finally {
    await flare.dispose()
  }
}, 30_000)
