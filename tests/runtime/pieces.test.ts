/** A unit that was built without a piece which it would need: it fails, and calls nothing as if nothing were needed. */
import { describe, expect, test } from 'bun:test'
import * as v from 'valibot'
import type { Permissions } from '../../unitgraph/runtime/types/middleware.ts'
import { pikkuSessionlessFunc } from '../../unitgraph/runtime/pikku/index.ts'
import * as pieces from '../../unitgraph/runtime/pieces.ts'
import { serving } from './helpers.ts'

const nobody = { nobody: async () => false } as Permissions
const pass = async (_services: unknown, _wire: unknown, next: () => Promise<unknown>) => next()

const without = (name: keyof typeof pieces) => ({ pieces: { ...pieces, [name]: undefined } })

describe('without what stands around functions', () => {
  test.each([
    ['permissions of a route', {}, { permissions: nobody }, {}],
    ['middleware of a route', {}, { middleware: [pass] }, {}],
    ['permissions of a function', { permissions: nobody }, {}, {}],
    ['middleware of a function', { middleware: [pass] }, {}, {}],
    ['middleware by path', {}, {}, { middleware: [['*', [pass]]] }],
    ['permissions by path', {}, {}, { permissions: [['*', nobody]] }],
    ['permissions by tag', {}, { tags: ['a'] }, {}, { permissions: { a: nobody } }],
    ['middleware for all', {}, {}, {}, { middleware: { '*': [pass] } }],
  ] as const)('%s', async (_name, own, options, part, unit: object = {}) => {
    let called = 0
    const func = pikkuSessionlessFunc({ ...own, func: async () => ++called } as never)
    const app = serving({ 'GET /a': [func, options] }, part as never, { ...unit, pieces: {} })
    expect((await app.ask('/a')).status).toBe(500)
    expect(called).toBe(0)
  })
})

test('without checks, what a schema refuses is no data', async () => {
  let called = 0
  const func = pikkuSessionlessFunc({ input: v.object({ id: v.string() }), func: async () => ++called })
  const app = serving({ 'GET /a': func }, {}, without('checks'))
  expect((await app.ask('/a?id=1')).status).toBe(200)
  expect((await app.ask('/a')).status).toBe(500)
  expect(called).toBe(1)
})

test('without a body, one is not passed over', async () => {
  const app = serving({ 'POST /a': pikkuSessionlessFunc(async () => 1) }, {}, without('body'))
  expect((await app.ask('/a', { method: 'POST', json: {} })).status).toBe(500)
})

test('routes without patterns are found as those with them are', async () => {
  const routes = { 'GET /': pikkuSessionlessFunc(async () => 'root'), 'GET /a-b/c.d': pikkuSessionlessFunc(async () => 'deep'), 'POST /a-b/c.d': pikkuSessionlessFunc(async () => 'sent') }
  const [fixed, patterned] = [serving(routes, {}, without('patterns')), serving(routes)]
  const asked = ['/', '//', '/a-b/c.d', '/a-b/c.d/', '/a-b/c.d//', '/a%2Db/c%2ed', '/a-b/cxd', '/a-b', '/A-b/c.d', '/a-b//c.d']
  for (const path of asked) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS']) {
      const answers = await Promise.all([fixed, patterned].map(async (app) => {
        const { status, body, response } = await app.ask(path, { method })
        return { status, body: typeof body === 'string' ? body : body.code, allow: response.headers.get('allow') }
      }))
      expect(answers[0], `${method} ${path}`).toEqual(answers[1]!)
    }
  }
})
