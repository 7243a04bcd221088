/** Secrets and variables: what is checked before a start, where they come from, and that no secret is ever written. */
import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { z } from 'zod'
import { BadRequestError, pikkuSessionlessFunc } from '#pikku'
import { createVariables } from '../../unitgraph/runtime/core/environment.ts'
import { createSecrets } from '../../unitgraph/runtime/core/secret-service.ts'
import { createLogger } from '../../unitgraph/runtime/core/logger.ts'
import { keepSecret, redact } from '../../unitgraph/runtime/core/secrets.ts'
import { withFiles } from '../../unitgraph/runtime/server/sources.ts'
import { settings, SettingsError } from '../../unitgraph/runtime/settings.ts'
import { logged, running, serving } from './helpers.ts'

const KEYS = z.object({ key: z.string(), inner: z.object({ port: z.number() }).optional() })

describe('before a start', () => {
  test('everything that is missing or wrong is said at once, by name and path, and never a value', async () => {
    const { problems } = await settings({
      secrets: [
        'MISSING', 'THERE', { secretId: 'BAD', schema: KEYS }, { secretId: 'JSON', schema: KEYS }, { secretId: 'NO_JSON', schema: KEYS },
        { secretId: 'OPTIONAL', schema: z.string().optional() },
        { secretId: 'FAULTY', schema: z.string().transform((text) => { throw new Error(`no ${text}`) }) },
      ],
      variables: ['UNUSED', { variableId: 'PORTS', schema: z.string().min(99) }, { variableId: 'WANTED', schema: v.string() }],
    }).check({ THERE: 'x', BAD: '{"key":1,"inner":{"port":"hidden value"}}', JSON: '{"key":"k"}', NO_JSON: 'hidden value', PORTS: 'hidden value', FAULTY: 'hidden value' })
    expect(problems).toEqual([
      'the secret MISSING is not set', 'the secret BAD is not what its schema says at key, inner.port', 'the secret NO_JSON is not what its schema says',
      'the secret FAULTY can\'t be read, or its schema fails',
      'the variable PORTS is not what its schema says', 'the variable WANTED is not set',
    ])
  })
  test('values are what their schemas make of them', async () => {
    const env = { PORT: '8080', ON: 'true', TEXT: '8080', LIST: '["a"]', RATE: '0.5', CREDENTIALS: '{"key":"a long key"}' }
    const values = await settings({
      secrets: [{ secretId: 'CREDENTIALS', schema: KEYS.transform(({ key }) => ({ upper: key.toUpperCase() })) }],
      variables: [
        { variableId: 'PORT', schema: z.number() }, { variableId: 'ON', schema: z.boolean() }, { variableId: 'TEXT', schema: z.string() },
        { variableId: 'LIST', schema: z.array(z.string()) }, { variableId: 'RATE', schema: z.coerce.number() }, { variableId: 'ABSENT', schema: z.string().default('given') },
      ],
    }).read(env)
    const [variables, secrets] = [createVariables(env, values), createSecrets(env, values)]
    expect(['PORT', 'ON', 'TEXT', 'LIST', 'RATE', 'ABSENT'].map((id) => variables.get(id) as unknown)).toEqual([8080, true, '8080', ['a'], 0.5, 'given'])
    expect(await secrets.getSecretJSON('CREDENTIALS')).toEqual({ upper: 'A LONG KEY' })
    expect(await secrets.getSecret('CREDENTIALS')).toBe('{"key":"a long key"}')
    expect(variables.getJSON('PORT')).toBe(8080)
  })
  test('a secret in a store is read from there', async () => {
    const env = { STORED: { get: async () => 'from the store' }, BROKEN: { get: async () => { throw new Error('no such secret') } }, OTHER: { prepare: 1 } }
    const { problems } = await settings({ secrets: ['STORED', 'BROKEN', 'OTHER'] }).check(env)
    expect(problems).toEqual(['the secret BROKEN can\'t be read, or its schema fails', 'the secret OTHER is not set'])
    expect(await createSecrets(env).getSecret('STORED')).toBe('from the store')
    expect(await createSecrets(env).hasSecret('OTHER')).toBe(false)
  })
  test('a Worker answers 500 with an id, and one line says everything; once it is put right, it runs', async () => {
    const options = {
      functions: { f: { value: pikkuSessionlessFunc(async ({ variables }) => ({ port: variables.get('PORT_NUMBER') })), expose: true } },
      settings: settings({ secrets: ['ONE', 'TWO'], variables: [{ variableId: 'PORT_NUMBER', schema: z.number() }] }),
    }
    const wrong = serving({ 'GET /': options.functions.f.value }, {}, options, { ONE: 'here', PORT_NUMBER: 'hidden value' })
    let answers: { status: number; body: any }[] = []
    const lines = await logged(async () => { answers = [await wrong.ask('/'), await wrong.ask('/')] })
    expect(answers.map(({ status, body }) => [status, body.code, typeof body.id])).toEqual([[500, 'internal', 'string'], [500, 'internal', 'string']])
    expect(lines.map(({ code, problems }) => [code, problems])).toEqual([1, 2].map(() => [
      'not-started', ['the secret TWO is not set', 'the variable PORT_NUMBER is not what its schema says'],
    ]))
    expect(lines[0]?.['requestId']).toBe(answers[0]?.body.id)
    expect(JSON.stringify([lines, answers])).not.toContain('hidden value')
    const right = serving({ 'GET /': options.functions.f.value }, {}, options, { ONE: 'here', TWO: 'there', PORT_NUMBER: '80' })
    expect((await right.ask('/')).body).toEqual({ port: 80 })
  })
  test('the error has its problems', async () => {
    const error = await settings({ secrets: ['A'] }).read({}).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(SettingsError)
    expect((error as SettingsError).problems).toEqual(['the secret A is not set'])
  })
})

describe('files of a process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unitgraph-'))
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  test('one a secret, without the line break at its end', () => {
    const problems: string[] = []
    const env = withFiles({ KEY_FILE: file('key', 'two\nlines\n'), OTHER_FILE: file('other', 'not asked for') }, ['KEY'], problems)
    expect([env['KEY'], env['OTHER'], problems]).toEqual(['two\nlines', undefined, []])
  })
  test.each([
    ['json', '{"A": "from the file", "B": {"key": [1]}, "C": "also"}'],
    ['lines', '# secrets\nexport A="from the file"\nB=\'{"key":[1]}\'\nC=also # really\n'],
  ])('one of many, as %s; the environment stands', (name, text) => {
    const problems: string[] = []
    const env = withFiles({ UNITGRAPH_SECRETS_FILE: file(name, text), C: 'of the environment', A: '' }, [], problems)
    expect([env['A'], env['B'], env['C'], problems]).toEqual(['from the file', '{"key":[1]}', 'of the environment', []])
  })
  test('what is wrong is said, all of it', () => {
    const problems: string[] = []
    withFiles({ A_FILE: '/nowhere/a', B_FILE: file('b', 'x'), B: 'y', UNITGRAPH_SECRETS_FILE: file('bad', '{"A": hidden') }, ['A', 'B'], problems)
    expect(problems).toEqual([
      `${join(folder, 'bad')}, which UNITGRAPH_SECRETS_FILE names, holds no secrets: it begins like JSON and is none`,
      '/nowhere/a, which A_FILE names, can\'t be read: ENOENT', 'B and B_FILE are both set: one of them is meant',
    ])
  })
  test('ends', () => rmSync(folder, { recursive: true }))
})

describe('a secret that was read is written nowhere', () => {
  const SECRETS = ['plain-secret-value', 'with "quotes" and \\ back', 'ümläut and € and 🙂', 'a+b/c=d&e f%20', 'line\nbreak in it', '{"key":"inner secret"}', 'x'.repeat(500)]
  test.each(SECRETS.map((secret) => [secret] as const))('%s', async (secret) => {
    await createSecrets({ S: secret }).getSecret('S')
    const lines: string[] = []
    const logger = createLogger({ write: (line) => lines.push(line) })
    const circle: Record<string, unknown> = { secret }
    circle['self'] = circle
    logger.info(`text around ${secret} it`)
    logger.error(new Error(`outer ${secret}`, { cause: new Error(`inner ${secret}`) }))
    logger.error('failed', { deep: [{ error: new TypeError(secret) }], text: `x${secret}` })
    logger.info('circle', circle)
    logger.info('json in json', { body: JSON.stringify({ secret, list: [secret] }) })
    logger.info(`https://x.test/?q=${encodeURIComponent(secret)}&${new URLSearchParams({ secret })}`)
    for (const before of ['', 'a', 'ab', 'user:']) logger.info(`Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${before}${secret}:after`)))}`)
    logger.info('as a value', { secret })
    const inner = encodeURIComponent(secret.slice(1, -1).toWellFormed())
    for (const line of lines) {
      // of what is circular nothing is written at all
      if (!line.includes('circular')) expect(line).toContain('[secret]')
      for (const form of [secret, JSON.stringify(secret).slice(1, -1), inner]) expect(line).not.toContain(form)
      expect(typeof JSON.parse(line)).toBe('object')
    }
    const whole = btoa(String.fromCharCode(...new TextEncoder().encode(secret)))
    expect(lines.join('\n')).not.toContain(whole.slice(4, -4))
  })
  test('errors that go out are without it', async () => {
    const secret = 'a secret in an answer'
    const app = serving({
      'GET /': pikkuSessionlessFunc(async ({ secrets }) => {
        const key = await secrets.getSecret('S')
        throw new BadRequestError(`not ${key}`, { issues: [{ path: [key], message: `is ${key}` }], data: { nested: [key] } })
      }),
    }, {}, {}, { S: secret })
    const { status, body } = await app.ask('/')
    expect([status, body.error]).toEqual([400, 'not [secret]'])
    expect(JSON.stringify(body)).not.toContain(secret)
  })
  test('JSON that is none says nothing of its text', async () => {
    const error = await createSecrets({ S: 'no json at all' }).getSecretJSON('S').catch((thrown: Error) => thrown) as Error
    expect(error.message).toBe('The secret S is not JSON')
  })
  test('deep in a secret\'s JSON, every text is one', async () => {
    await createSecrets({ S: '{"a":[{"b":"the inner key"}]}' }).getSecretJSON('S')
    expect(redact('it is the inner key')).toBe('it is [secret]')
  })
  test('of two secrets one of which is in the other, nothing is left, whichever was read first', () => {
    for (const secret of ['gamma-delta', 'alpha-gamma-delta-omega']) keepSecret(secret)
    expect(redact('say alpha-gamma-delta-omega')).toBe('say [secret]')
  })
  test('what is short hides nothing: it would be found in ordinary text', () => {
    for (const secret of ['', 'a', 'admin']) keepSecret(secret)
    expect(redact('as an admin')).toBe('as an admin')
  })
})
