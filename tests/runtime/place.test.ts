/** Which server is the store and which the bus: what is chosen, and what is refused before anything starts. */
import { describe, expect, test } from 'bun:test'
import { openBus } from '../../unitgraph/runtime/server/bus.ts'
import { readPlace } from '../../unitgraph/runtime/server/place.ts'
import { connect } from '../../unitgraph/runtime/server/postgres/client.ts'
import { nameOf, prepare } from '../../unitgraph/runtime/server/postgres/schema.ts'
import { openStore } from '../../unitgraph/runtime/server/store.ts'
import { logged } from './helpers.ts'
import { placeOf, projectName } from './stores.ts'
import { createLogger } from '../../unitgraph/runtime/core/logger.ts'

const said = (work: Promise<unknown>): Promise<string> => work.then(() => 'nothing', (error: Error) => error.message)

describe('a place', () => {
  test.each<[string, string, string]>([
    ['postgres://ada:hunter-2-hunter@db:5433/shop?sslmode=require', 'postgres', 'PostgreSQL at db:5433/shop'],
    ['postgresql://db', 'postgres', 'PostgreSQL at db'], ['redis://:hunter-2-hunter@cache:6379/2', 'redis', 'Redis at cache:6379/2'],
    ['rediss://cache', 'redis', 'Redis at cache'],
  ])('%s', (url, kind, name) => {
    const place = readPlace({ UNITGRAPH_STORE: url }, 'UNITGRAPH_STORE')
    expect([place?.kind, place?.name]).toEqual([kind, name])
  })
  test.each(['', undefined])('%p is none', (url) => {
    expect(readPlace({ UNITGRAPH_STORE: url }, 'UNITGRAPH_STORE')).toBe(undefined)
  })
  test.each(['db', 'mysql://ada:hunter-2-hunter@db', 'postgres:', 'redis:///', 'constructor:x', 'https://ada:hunter-2-hunter@db'])('%s is refused, and not repeated', async (url) => {
    const refusal = await said(openStore({ UNITGRAPH_STORE: url }, 'p'))
    expect([refusal.startsWith('UNITGRAPH_STORE is no URL of PostgreSQL'), refusal.includes('hunter')]).toEqual([true, false])
    expect((await said(openBus({ UNITGRAPH_BUS: url }, 'p'))).startsWith('UNITGRAPH_BUS is no URL')).toBe(true)
  })
  test('its password appears in no log line', async () => {
    readPlace({ X: 'redis://:p%40ssword-of-the-store@cache' }, 'X')
    const lines = await logged(async () => createLogger().info('p@ssword-of-the-store', { url: 'redis://:p%40ssword-of-the-store@cache' }))
    expect(JSON.stringify(lines)).not.toContain('ssword-of')
  })
  test.each(['postgres://u:hunter-2-hunter@127.0.0.1:1/db', 'redis://:hunter-2-hunter@127.0.0.1:1'])('that can\'t be reached is named, without its password: %s', async (url) => {
    const refusals = [await said(openStore({ UNITGRAPH_STORE: url }, 'p')), await said(openBus({ UNITGRAPH_BUS: url }, 'p'))]
    expect(refusals.map((text) => [/^UNITGRAPH_(STORE|BUS): (PostgreSQL|Redis) at 127\.0\.0\.1:1(\/db)? can't be used: /.test(text), text.includes('hunter')])).toEqual([[true, false], [true, false]])
  })
  test('a word that is neither is refused', async () => {
    expect(await said(openStore({ UNITGRAPH_STORE_VOLATILE: 'yes' }, 'p'))).toBe('UNITGRAPH_STORE_VOLATILE is "yes", not allow or refuse')
  })
})

test('the name of a schema is as long as PostgreSQL allows, and a project\'s own', async () => {
  const [long, longer] = ['x'.repeat(80), 'x'.repeat(81)]
  const names = await Promise.all(['shop', long, longer].map(nameOf))
  expect([names[0], names.map((name) => name.length <= 58), new Set(names).size]).toEqual(['unitgraph_shop', [true, true, true], 3])
})

test('a schema is made once, by however many that start at once', async () => {
  const clients = Array.from({ length: 8 }, () => connect(placeOf('TEST_POSTGRES'), 1))
  for (let round = 0; round < 5; round += 1) {
    const project = projectName()
    const names = await Promise.all(clients.map((client) => prepare(client, project)))
    expect(new Set(names).size).toBe(1)
    expect(await clients[0]!.run(`SELECT version FROM ${names[0]}.version`)).toEqual([{ version: 1 }])
  }
  await Promise.all(clients.map((client) => client.close()))
})
