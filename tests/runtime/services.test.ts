import { describe, expect, test } from 'bun:test'
import { MissingSecretError, pikkuConfig, pikkuServices, pikkuSessionlessFunc, pikkuWireServices, requiredSingletonServices } from '#pikku'
import { ConsoleLogger, LocalSecretService, LocalVariablesService } from '@pikku/core/services'
import { z } from 'zod'
import { createVariables } from '../../unitgraph/runtime/core/environment.ts'
import { createLogger } from '../../unitgraph/runtime/core/logger.ts'
import { closeServices } from '../../unitgraph/runtime/core/owned.ts'
import { createSecrets } from '../../unitgraph/runtime/core/secret-service.ts'
import { once } from '../../unitgraph/runtime/core/services.ts'
import { logged, serving } from './helpers.ts'

const taking = (name: string) => pikkuSessionlessFunc(async (services) => (services as any)[name])

describe('singleton services', () => {
  test('built once for many requests at once, from the configuration and what is there', async () => {
    let built = 0
    const config = pikkuConfig(async (variables) => ({ url: variables.get('DB_URL') }))
    const services = pikkuServices(async (given: any, { logger, secrets }) => {
      built++
      await Promise.resolve()
      return { db: { url: given.url, key: await secrets.getSecret('DB_KEY'), logs: typeof logger.info } }
    })
    const app = serving({ 'GET /': taking('db') }, {}, { config, services }, { DB_URL: 'x://', DB_KEY: 'k' })
    const answers = await Promise.all([1, 2, 3].map(async () => (await app.ask('/')).body))
    expect([built, answers[2]]).toEqual([1, { url: 'x://', key: 'k', logs: 'function' }])
  })
  test('what failed to be built is tried again with the next request', async () => {
    let tries = 0
    const services = pikkuServices(async () => { if (++tries === 1) throw new Error('not yet'); return { db: tries } })
    const app = serving({ 'GET /': taking('db') }, {}, { services })
    let statuses: number[] = []
    await logged(async () => { statuses = [(await app.ask('/')).status, (await app.ask('/')).status] })
    expect(statuses).toEqual([500, 200])
  })
  test('a service of the project stands in for a built-in one', async () => {
    const lines: string[] = []
    const logger = Object.fromEntries(['trace', 'debug', 'info', 'warn', 'error'].map((level) => [level, (text: string) => lines.push(`${level} ${text}`)]))
    const app = serving({ 'GET /': pikkuSessionlessFunc(async (s) => void s.logger.info('mine')) }, {}, { services: pikkuServices(async () => ({ logger })) })
    await app.ask('/')
    expect(lines).toEqual(['info mine', 'info request'])
  })
  test('bindings are what is not text', async () => {
    const app = serving({ 'GET /': pikkuSessionlessFunc(async ({ bindings }) => Object.keys(bindings)) }, {}, {}, { DB: { prepare: 1 }, NAME: 'x' })
    expect((await app.ask('/')).body).toEqual(['DB'])
  })
  test('a service that nobody provides says so when it is used', async () => {
    const app = serving({ 'GET /': pikkuSessionlessFunc(async ({ jwt }) => jwt.encode('5m', {})) })
    expect(await app.ask('/')).toMatchObject({ status: 501, body: { error: 'The service jwt is not available here: return one from pikkuServices' } })
  })
  test('unless something was built, every service is wanted', () => {
    expect(requiredSingletonServices['stripe']).toBe(true)
  })
})

describe('wire services', () => {
  test('built for a call that has a session and good data, closed after it, however it ends', async () => {
    const events: string[] = []
    const shared = { close: () => events.push('shared closed') }
    const wireServices = pikkuWireServices(async (services: any, wire) => {
      events.push(`built for ${wire.session?.userId ?? 'nobody'}`)
      return { unit: { close: () => events.push('closed') }, again: services.shared }
    })
    const services = pikkuServices(async () => ({ shared }))
    const app = serving({
      'GET /ok': pikkuSessionlessFunc(async ({ unit, again }: any) => [typeof unit, again === shared]),
      'GET /bad': pikkuSessionlessFunc(async () => { throw new Error('x') }),
      'GET /none': pikkuSessionlessFunc({ auth: true, func: async () => 1 }),
    }, {}, { services, wireServices })
    expect((await app.ask('/ok')).body).toEqual(['object', true])
    await app.ask('/bad')
    await app.ask('/none')
    expect(events).toEqual(['built for nobody', 'closed', 'built for nobody', 'closed'])
  })
})

test('closing: last first, each once, whatever fails', async () => {
  const closed: string[] = []
  const lines: string[] = []
  const two = { close: async () => closed.push('two') }
  await closeServices({
    config: { stop: () => closed.push('config') },
    one: { stop: () => closed.push('one') }, two, alias: two,
    three: { close: () => { throw new Error('x') } }, four: { [Symbol.asyncDispose]: async () => closed.push('four'), close: () => closed.push('no') },
    five: 'text', six: null,
  }, createLogger({ write: (line) => lines.push(JSON.parse(line).msg) }))
  expect(closed).toEqual(['four', 'two', 'one'])
  expect(lines).toEqual(['The service three could not be closed'])
})

test('once', async () => {
  let runs = 0
  const make = once(async () => ++runs)
  expect(await Promise.all([make(), make(), make()])).toEqual([1, 1, 1])
})

describe('secrets and variables', () => {
  const env = { A: 'text', B: '{"x":"nested secret value"}', N: { no: 'text' } }
  test('read by id', async () => {
    const [secrets, variables] = [createSecrets(env), createVariables(env)]
    expect([await secrets.getSecret('A'), await secrets.getSecretJSON('B'), await secrets.hasSecret('C')]).toEqual(['text', { x: 'nested secret value' }, false])
    expect([variables.get('A'), variables.getJSON('B'), variables.get('C'), variables.get('N'), variables.get('toString')]).toEqual(['text', { x: 'nested secret value' }, undefined, undefined, undefined])
    expect(secrets.getSecret('C')).rejects.toBeInstanceOf(MissingSecretError)
    expect(await new LocalSecretService({ K: 'v' }).getSecret('K')).toBe('v')
    expect(new LocalVariablesService({ K: 'v' }).get('K')).toBe('v')
    expect(typeof new ConsoleLogger('error').child).toBe('function')
  })
})

describe('the log', () => {
  const writing = (options = {}) => {
    const lines: string[] = []
    return { lines, logger: createLogger({ ...options, write: (line) => lines.push(line) }) }
  }
  test('a line is an object with the fields of its call', () => {
    const { lines, logger } = writing()
    logger.child({ requestId: 'r' }).info('hello', { n: 1n })
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'info', msg: 'hello', requestId: 'r', n: '1' })
  })
  test('levels', () => {
    const { lines, logger } = writing({ level: 'warn' })
    logger.info('no')
    logger.warn('yes')
    expect(lines.length).toBe(1)
  })
  test('errors with stack and cause; circles; odd values', () => {
    const { lines, logger } = writing()
    const circle: any = {}
    circle.self = circle
    logger.error(new Error('outer', { cause: new Error('inner') }))
    logger.error('failed', new Error('as fields'))
    logger.info('circle', circle)
    logger.info({ a: 1 }, 5)
    const [outer, fields, circular, odd] = lines.map((line) => JSON.parse(line))
    expect(outer.error).toMatchObject({ message: 'outer', cause: { message: 'inner' } })
    expect(fields.error.message).toBe('as fields')
    expect(circular.note).toBe('fields are circular')
    expect(odd).toMatchObject({ msg: '{"a":1}', fields: 5 })
  })
  test('a line break in a message is no new line', () => {
    const { lines, logger } = writing()
    logger.info('a\n{"level":"error"}')
    expect(lines[0]).not.toContain('\n')
  })
  test.each(['json', 'pretty'] as const)('%s: secrets that were read are [secret]', async (format) => {
    const { lines, logger } = writing({ format })
    const secret = await createSecrets({ S: 'very "secret" value' }).getSecret('S')
    logger.info(`the key is ${secret}`, { nested: { secret } })
    expect(lines[0]).toContain('[secret]')
    expect(lines[0]).not.toContain('secret\\"')
    expect(lines[0]).not.toContain(secret)
  })
  test('pretty', () => {
    const { lines, logger } = writing({ format: 'pretty' })
    logger.warn('hello', { a: 1, b: 'x' })
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}hello a=1 b=x$/)
  })
})
