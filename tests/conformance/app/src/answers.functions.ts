/** Answers: what a function returns or throws, and what becomes of it. */
import {
  addError, BadGatewayError, ConflictError, GoneError, InternalServerError, NotFoundError, PikkuError, pikkuSessionlessFunc,
  pikkuVoidFunc, TooManyRequestsError, UnprocessableContentError,
} from '#pikku'

export class OutOfStockError extends ConflictError {}
export class CardError extends Error {
  override name = 'CardError'
}
export class QuietError extends Error {
  override name = 'QuietError'
}
addError(CardError, { status: 402, message: 'The card was declined' })
addError(QuietError, { status: 418 })

class TeapotError extends PikkuError {
  override status = 418
}

const THROWN: Record<string, () => unknown> = {
  missing: () => new NotFoundError('No such shelf'),
  conflict: () => new OutOfStockError('Emma is gone', { data: { sku: 'emma' } }),
  gone: () => new GoneError(),
  invalid: () => new UnprocessableContentError('Not like this', { issues: [{ path: ['a', 0], message: 'wrong' }] }),
  many: () => new TooManyRequestsError(),
  card: () => new CardError('the card 4111-1111 of Ada'),
  quiet: () => new QuietError('a quiet secret'),
  teapot: () => new TeapotError('Short and stout'),
  gateway: () => new BadGatewayError('The press is down'),
  internal: () => new InternalServerError('the database password is hunter22'),
  unknown: () => new Error('the database password is hunter22'),
  text: () => 'just a text with hunter22',
  nothing: () => undefined,
}

export const fail = pikkuSessionlessFunc<{ kind: string }, unknown>({
  func: async (_services, { kind }, { http }) => {
    http?.response.header('x-before', 'it failed')
    throw THROWN[kind]?.()
  },
})

const RETURNED: Record<string, () => unknown> = {
  object: () => ({ a: 1, at: new Date(0), big: 12n, none: undefined, nothing: null }),
  list: () => [1, 'two', null],
  text: () => 'plain',
  number: () => 0,
  false: () => false,
  null: () => null,
  undefined: () => undefined,
  bytes: () => new Uint8Array([104, 105]),
  stream: () => new Blob(['a ', 'stream']).stream(),
  blob: () => new Blob(['<p>'], { type: 'text/html' }),
  response: () => new Response('made by hand', { status: 203, headers: { 'x-own': 'yes', 'content-type': 'text/plain' } }),
  large: () => 'x'.repeat(300_000),
}

export const give = pikkuSessionlessFunc<{ kind: string }, unknown>({ func: async (_services, { kind }) => RETURNED[kind]?.() })

export const decorate = pikkuSessionlessFunc<{ kind: string }, unknown>({
  func: async (_services, { kind }, { http }) => {
    const { response } = http!
    if (kind === 'created') response.status(201).header('location', '/things/7')
    if (kind === 'text') response.header('content-type', 'text/csv')
    if (kind === 'teapot') response.status(418)
    if (kind === 'empty') response.status(204)
    if (kind === 'cookies') {
      response.cookie('a', 'one two;', { httpOnly: true, maxAge: 60, sameSite: 'strict' })
      response.cookie('b', null).append('x-many', '1').append('x-many', '2')
    }
    if (kind === 'away') response.redirect('https://example.org/')
    if (kind === 'moved') response.redirect('/elsewhere', 308)
    if (kind === 'inject') response.cookie('a', 'x', { path: '/; Secure\r\nx-evil: yes' })
    if (kind === 'split') response.header('x-split', 'a\r\nx-evil: yes')
    return kind === 'text' ? 'a,b\n1,2\n' : { kind }
  },
})

export const readCookie = pikkuSessionlessFunc<{ name: string }, unknown>({
  func: async (_services, { name }, { http }) => ({ value: http!.request.cookie(name) ?? null }),
})

export const swallow = pikkuVoidFunc(async () => 'nobody sees this')

/** Goes on after the answer. */
export const later = pikkuSessionlessFunc<void, unknown>({
  func: async ({ logger }, _data, { waitUntil }) => {
    waitUntil((async () => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      logger.info('done later')
    })())
    return { said: 'soon' }
  },
})

/** One line on each stream of the log: whoever has seen both has seen all that was said before. */
export const mark = pikkuSessionlessFunc<void, unknown>({
  func: async ({ logger }) => {
    logger.info('marked')
    logger.error('marked')
    return {}
  },
})
