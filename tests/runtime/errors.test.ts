import { expect, test } from 'bun:test'
import {
  addError, BadRequestError, ConflictError, ForbiddenError, InternalServerError, MissingSecretError, MissingSessionError,
  NotFoundError, PikkuError, TooManyRequestsError, UnauthorizedError, UnprocessableContentError,
} from '#pikku'
import { pack, unpack } from '../../unitgraph/runtime/core/json.ts'
import { rebuildError, reportError } from '../../unitgraph/runtime/core/errors.ts'

class OutOfStock extends ConflictError {
  constructor(sku: string) {
    super(`${sku} is out of stock`)
  }
}
class Teapot extends Error {}
addError(Teapot, { status: 418, message: 'Short and stout', code: 'teapot' })
class Kettle extends Teapot {}
class Silent extends Error {}
addError(Silent, { status: 400 })
class Renamed extends PikkuError {}
addError(Renamed, { status: 409, message: 'Public' })

test.each([
  ['a family member', new NotFoundError('No such book'), 404, 'not-found', 'No such book'],
  ['its own message', new TooManyRequestsError(), 429, 'too-many-requests', 'Too many requests'],
  ['a subclass has its status, and a code of its own', new OutOfStock('b1'), 409, 'out-of-stock', 'b1 is out of stock'],
  ['two levels', new MissingSessionError(), 401, 'missing-session', 'A session is needed'],
  ['registered', new Teapot('private'), 418, 'teapot', 'Short and stout'],
  ['what extends a registered one', new Kettle('private'), 418, 'teapot', 'Short and stout'],
  ['registered without a message: its own stays private', new Silent('private'), 400, 'silent', 'silent'],
  ['registered message over its own', new Renamed('private'), 409, 'renamed', 'Public'],
  ['422', new UnprocessableContentError('x'), 422, 'unprocessable-content', 'x'],
  ['unknown', new Error('private'), 500, 'internal', 'Internal server error'],
  ['no error at all', 'private', 500, 'internal', 'Internal server error'],
  ['nothing', undefined, 500, 'internal', 'Internal server error'],
  ['a 500 of the family says nothing either', new InternalServerError('private'), 500, 'internal', 'Internal server error'],
  ['a missing secret', new MissingSecretError('STRIPE'), 500, 'internal', 'Internal server error'],
  ['no status', new PikkuError('private'), 500, 'internal', 'Internal server error'],
])('report: %s', (_name, error, status, code, message) => {
  expect(reportError(error)).toMatchObject({ status, code, message, unknown: status === 500 })
})

test('errors are told apart after a journey to another unit', () => {
  const sent = new OutOfStock('b1')
  const back = rebuildError((unpack(pack({ error: reportError(sent) })) as { error: never }).error)
  expect(back).toBeInstanceOf(OutOfStock)
  expect(back).toBeInstanceOf(ConflictError)
  expect(back).toBeInstanceOf(PikkuError)
  expect(back).not.toBeInstanceOf(NotFoundError)
  expect(reportError(back)).toEqual(reportError(sent))
})

test('instanceof is ordinary at home', () => {
  expect(new OutOfStock('x')).toBeInstanceOf(ConflictError)
  expect(new ConflictError()).not.toBeInstanceOf(OutOfStock)
  expect(new UnauthorizedError()).not.toBeInstanceOf(ForbiddenError)
  expect(null as unknown).not.toBeInstanceOf(PikkuError)
  expect(new BadRequestError('x', { cause: 1 }).cause).toBe(1)
})

test.each([
  ['dates, bigints, bytes, maps, sets', { d: new Date(5), b: 10n ** 20n, u: new Uint8Array([1, 2]), m: new Map([['a', new Date(1)]]), s: new Set([1]) }],
  ['data that looks like a tag', { $unitgraph: 'date', v: 5 }],
  ['nested look-alike', { a: [{ $unitgraph: 'object', v: [['x', 1]] }] }],
  ['null', null],
  ['plain', { a: [1, 'x', { b: null }] }],
])('pack keeps %s', (_name, value) => {
  expect((unpack(pack({ value })) as { value: unknown }).value).toEqual(value as never)
})
