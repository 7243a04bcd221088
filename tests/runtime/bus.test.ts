/** The bus: what every one promises, of one process and of several. A line of the table is a way between processes. */
import { describe, expect, test } from 'bun:test'
import { createBus, openBus, type Bus, type Connect } from '../../unitgraph/runtime/server/bus.ts'
import { carrier as overPostgres } from '../../unitgraph/runtime/server/postgres/bus.ts'
import { carrier as overRedis } from '../../unitgraph/runtime/server/redis/bus.ts'
import { connect as toPostgres } from '../../unitgraph/runtime/server/postgres/client.ts'
import { connect as toRedis } from '../../unitgraph/runtime/server/redis/client.ts'
import { logged } from './helpers.ts'
import { placeOf, projectName } from './stores.ts'

/** A way through memory, on which every text arrives everywhere, its sender included. */
const wire = (): Connect => {
  const ends = new Set<(text: string) => void>()
  return async (receive) => {
    ends.add(receive)
    return {
      send: async (text) => { for (const end of ends) queueMicrotask(() => end(text)) },
      renew: async () => undefined,
      close: async () => void ends.delete(receive),
    }
  }
}

/** Over the server of a variable, a project a group. */
function overServer(carrier: typeof overRedis, variable: string): Group {
  return async () => {
    const project = projectName()
    return () => createBus(carrier(placeOf(variable), project))
  }
}

/** Opens a process' bus; all of one group hear each other. */
type Group = () => Promise<() => Promise<Bus>>
/** Ends the connections on which processes listen, and says how many there were. */
type Break = () => Promise<number>
const BROKEN: [string, Group, Break][] = [
  ['PostgreSQL', overServer(overPostgres, 'TEST_POSTGRES'), async () => {
    const client = toPostgres(placeOf('TEST_POSTGRES'))
    const ended = await client.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()")
    await client.close()
    return ended.length
  }],
  ['Redis', overServer(overRedis, 'TEST_REDIS'), async () => {
    const client = toRedis(placeOf('TEST_REDIS'))
    const ended = Number(await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))
    client.close()
    return ended
  }],
]
const WAYS: [string, Group][] = [
  ['memory', async () => { const way = wire(); return () => createBus(way) }],
  ...BROKEN.map(([name, group]): [string, Group] => [name, group]),
]

const listening = (bus: Bus) => {
  const heard: [string, string][] = []
  const end = bus.subscribe((topic, payload) => heard.push([topic, payload]))
  return { heard, end }
}
/** Messages have come when one that was sent after them has: a way keeps a sender's order. */
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2))
}

describe.each(WAYS)('over %s', (_name, group) => {
  test('every process hears each message once, its sender too, in the order in which it was sent', async () => {
    const open = await group()
    const buses = await Promise.all([open(), open(), open()])
    const ears = buses.map(listening)
    for (let number = 0; number < 100; number += 1) await buses[number % 2 === 0 ? 0 : 1]!.publish(`t${number % 2}`, String(number))
    await until(() => ears.every(({ heard }) => heard.length >= 100))
    const of = (topic: string) => Array.from({ length: 50 }, (_, index) => [topic, String(index * 2 + Number(topic[1]))])
    for (const { heard } of ears) {
      expect(heard.length).toBe(100)
      for (const topic of ['t0', 't1']) expect(heard.filter(([one]) => one === topic)).toEqual(of(topic))
    }
    await Promise.all(buses.map((bus) => bus.close()))
  })
  test.each<[string, string, string]>([
    ['nothing', '', ''], ['quotes, ends of lines and NUL', 'a"b\n\\', '\'"\n\r\u2028\0\\'], ['letters of all kinds', 'ключ', '日本語 🐦 e\u0301'],
    ['what is a sign of ours', '#1', '?#'], ['what is longer than a NOTIFY', 't', 'x'.repeat(1_000_000)], ['what is longer only as UTF-8', 't', 'ü'.repeat(6000)],
  ])('%s arrives as it was', async (_what, topic, payload) => {
    const open = await group()
    const [from, to] = await Promise.all([open(), open()])
    const { heard } = listening(to)
    await from.publish(topic, payload)
    await until(() => heard.length > 0)
    expect(heard).toEqual([[topic, payload]])
    await Promise.all([from.close(), to.close()])
  })
  test('long and short ones stay in their order', async () => {
    const open = await group()
    const [from, to] = await Promise.all([open(), open()])
    const { heard } = listening(to)
    const sent = Array.from({ length: 60 }, (_, index) => String(index).padEnd(index % 3 === 0 ? 20_000 : 1, '.'))
    await Promise.all(sent.map((payload) => from.publish('t', payload)))
    await until(() => heard.length >= sent.length)
    expect(heard.map(([, payload]) => payload)).toEqual(sent)
    await Promise.all([from.close(), to.close()])
  })
  test('ones that are alike are each heard', async () => {
    const open = await group()
    const [from, to] = await Promise.all([open(), open()])
    const { heard } = listening(to)
    await Promise.all(['same', 'same', 'same'].map((payload) => from.publish('t', payload)))
    await until(() => heard.length >= 3)
    await Promise.all([from.close(), to.close()])
  })
  test('who has ended listening hears nothing more, and others still do', async () => {
    const open = await group()
    const [from, to] = await Promise.all([open(), open()])
    const [gone, here] = [listening(to), listening(to)]
    gone.end()
    await from.publish('t', '1')
    await until(() => here.heard.length > 0)
    expect(gone.heard).toEqual([])
    await Promise.all([from.close(), to.close()])
  })
  test('groups don\'t hear each other', async () => {
    const [one, other] = [await group(), await group()]
    const [a, b, c] = await Promise.all([one(), one(), other()])
    const [near, far] = [listening(b), listening(c)]
    await a.publish('t', '1')
    await until(() => near.heard.length > 0)
    await c.publish('t', 'last')
    await until(() => far.heard.length > 0)
    expect(far.heard).toEqual([['t', 'last']])
    await Promise.all([a, b, c].map((bus) => bus.close()))
  })
})

describe.each(BROKEN)('over %s', (_name, group, breakAll) => {
  test('a connection that breaks is made again, and what is sent then is heard', async () => {
    const open = await group()
    const [from, to] = await Promise.all([open(), open()])
    const { heard } = listening(to)
    await from.publish('t', 'before')
    await until(() => heard.length > 0)
    expect(await breakAll()).toBe(2)
    // what is sent while nobody listens is lost: at most once
    for (let number = 0; heard.length < 3; number += 1) {
      await from.publish('t', String(number)).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(new Set(heard.map(([, payload]) => payload)).size).toBe(heard.length)
    await Promise.all([from.close(), to.close()])
  })
})

test('a way that brings nothing any more is made anew, and one that does is left alone', async () => {
  const ways = { dead: 0, good: 0 }
  /** Connected at first; dead, until it is made anew. */
  const made = (name: 'dead' | 'good'): Connect => async (receive) => {
    return {
      send: async (text) => {
        if (name === 'good' || ways.dead > 0) receive(text)
      },
      renew: async () => void (ways[name] += 1),
      close: async () => undefined,
    }
  }
  const buses = await Promise.all([createBus(made('dead'), 5), createBus(made('good'), 5)])
  await until(() => ways.dead > 0)
  const then = performance.now()
  await until(() => performance.now() - then > 100)
  expect(ways).toEqual({ dead: 1, good: 0 })
  await Promise.all(buses.map((bus) => bus.close()))
})

test.each<[string, typeof overRedis]>([
  ['TEST_POSTGRES', overPostgres], ['TEST_REDIS', overRedis],
])('over the server of %s, a connection that is made anew hears each message once', async (variable, carrier) => {
  const project = projectName()
  const heard: string[] = []
  const way = await carrier(placeOf(variable), project)((text) => heard.push(text))
  await way.renew()
  for (let number = 0; heard.length === 0; number += 1) {
    await way.send(`"${number}"`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await way.send('"last"')
  await until(() => heard.includes('"last"'))
  expect(new Set(heard).size).toBe(heard.length)
  await way.close()
})

describe('in one process', () => {
  test('a listener that fails keeps no other from hearing, nor the publisher from going on', async () => {
    const bus = await createBus()
    bus.subscribe(() => { throw new Error('no') })
    const { heard } = listening(bus)
    const said = await logged(async () => {
      await bus.publish('t', '1')
      await until(() => heard.length > 0)
    })
    expect([heard, said.map(({ msg, code, topic }) => [msg, code, topic])]).toEqual([[['t', '1']], [['no', 'listener-failed', 't']]])
  })
  test('all that open it have the same, which is closed with the last of them', async () => {
    const [a, b] = [await openBus({}, 'p'), await openBus({}, 'p')]
    const { heard } = listening(b)
    await a.close()
    await b.publish('t', '1')
    await until(() => heard.length > 0)
    await b.close()
    await b.publish('t', '2')
    await (await openBus({}, 'p')).close()
    expect(heard).toEqual([['t', '1']])
  })
})
