/** Which unit of a process a request is for, and that its route is found once. */
import { describe, expect, test } from 'bun:test'
import { keyOf, patterns } from '../../unitgraph/runtime/http/patterns.ts'
import { createUnits, type MainRoute } from '../../unitgraph/runtime/server/units.ts'

const BOOKS: readonly MainRoute[] = [
  { method: 'get', route: '/books', unit: 'list' },
  { method: 'get', route: '/books/:isbn', unit: 'get' },
  { method: 'post', route: '/books/:isbn/reviews/:n{[0-9]+}', unit: 'review' },
  { method: 'get', route: '/shelf/:row?', unit: 'shelf' },
  { method: 'get', route: 'files/*', unit: 'files' },
]
/** Which one router makes one expression of, and which another must take. */
const TABLES: Readonly<Record<string, readonly MainRoute[]>> = {
  'that are told apart': BOOKS,
  'that are not': [...BOOKS, { method: 'get', route: '/:kind/new', unit: 'fresh' }, { method: 'get', route: '/books/:isbn/:part', unit: 'part' }],
}

describe.each(Object.entries(TABLES))('of routes %s', (_name, routes) => {
  const units = createUnits(routes, {}, () => { throw new Error('No unit is begun') })
  test.each([
    ['GET', '/books', 'list', 'GET /books', {}],
    ['HEAD', '/books/7', 'get', 'GET /books/:isbn', { isbn: '7' }],
    ['GET', '/books/a%20b', 'get', 'GET /books/:isbn', { isbn: 'a%20b' }],
    ['POST', '/books/7/reviews/12', 'review', 'POST /books/:isbn/reviews/:n{[0-9]+}', { isbn: '7', n: '12' }],
    ['GET', '/shelf', 'shelf', 'GET /shelf/:row?', {}],
    ['GET', '/shelf/3', 'shelf', 'GET /shelf/:row?', { row: '3' }],
    ['GET', '/files/a/b', 'files', 'GET files/*', {}],
  ])('%s %s is for %s', (method, path, unit, key, parts) => {
    const { matched, ...found } = units.find(method, path)
    expect(found).toEqual({ unit })
    expect(matched?.key).toBe(key)
    expect({ ...matched?.parts }).toEqual(parts)
  })
  test('what no route answers is for nobody', () => {
    expect(units.find('DELETE', '/books')).toEqual({ unit: undefined, allow: ['GET'] })
  })
})

test('a unit takes what was found of its routes, and looks for itself where that is none of its own', () => {
  const routes = BOOKS.map((route) => ({ ...route, method: route.method.toUpperCase() }))
  const find = patterns(routes)
  const [, get] = routes
  expect(find('GET', '/books/7', { key: keyOf(get!), parts: { isbn: 'said%20before' } })).toEqual([get!, { isbn: 'said before' }, true])
  expect(find('GET', '/books/7', { key: 'GET /elsewhere', parts: {} })).toEqual([get!, { isbn: '7' }, true])
})
