/** Calls of other functions, which live in units of their own. */
import { NotFoundError, pikkuFunc, pikkuSessionlessFunc } from '#pikku'
import { OutOfStockError } from './answers.functions.ts'

/** Whatever goes to another unit and comes back. */
export const kinds = pikkuSessionlessFunc(async (_services, data: any) => ({
  at: data.at instanceof Date, map: data.map instanceof Map, set: data.set instanceof Set, bytes: data.bytes instanceof Uint8Array,
  big: typeof data.big, tag: data.tag, back: new Date(5), own: new Map([['k', new Set([1])]]),
}))

export const callKinds = pikkuSessionlessFunc<void, unknown>({
  func: async (_services, _data, { rpc }) => {
    const got: any = await rpc.invoke('kinds', {
      at: new Date(1), map: new Map([[1, 2]]), set: new Set([1]), bytes: new Uint8Array([1]), big: 7n, tag: { $unitgraph: 'date', v: 1 },
    })
    return { ...got, back: got.back instanceof Date, own: got.own.get('k').has(1) }
  },
})

export const callMe = pikkuSessionlessFunc<void, unknown>({
  func: async (_services, _data, { rpc }) => ({ got: await rpc.invoke('me') }),
})

export const callOwned = pikkuSessionlessFunc<{ of: string }, unknown>({
  func: async (_services, { of }, { rpc }) => ({ got: await rpc.invoke('owned', { userId: of }) }),
})

/** The callee's session becomes the caller's. */
export const callSignIn = pikkuSessionlessFunc<{ userId: string }, unknown>({
  func: async (_services, { userId }, wire) => {
    await wire.rpc.invoke('signIn', { userId })
    return { session: wire.session ?? null }
  },
})

export const callFail = pikkuSessionlessFunc<{ kind: string }, unknown>({
  func: async (_services, { kind }, { rpc }) => rpc.invoke('fail', { kind }),
})

export const catchFail = pikkuSessionlessFunc<{ kind: string }, unknown>({
  func: async (_services, { kind }, { rpc }) => {
    try {
      return await rpc.invoke('fail', { kind })
    } catch (error) {
      return { stock: error instanceof OutOfStockError, missing: error instanceof NotFoundError, message: (error as Error).message }
    }
  },
})

export const callChecked = pikkuSessionlessFunc<{ id: unknown }, unknown>({
  func: async (_services, { id }, { rpc }) => rpc.invoke('getThing', { id } as never),
})

/** Calls itself in another unit and back, until it has counted down. */
export const ping = pikkuSessionlessFunc<{ left: number }, { depth: number }>({
  func: async (_services, { left }, { rpc }): Promise<{ depth: number }> =>
    left === 0 ? { depth: 0 } : { depth: 1 + ((await rpc.invoke('pong', { left: left - 1 })) as { depth: number }).depth },
})

export const pong = pikkuSessionlessFunc<{ left: number }, { depth: number }>({
  func: async (_services, { left }, { rpc }): Promise<{ depth: number }> =>
    left === 0 ? { depth: 0 } : { depth: 1 + ((await rpc.invoke('ping', { left: left - 1 })) as { depth: number }).depth },
})

export const sum = pikkuSessionlessFunc<{ a: number; b: number }, { sum: number }>({
  expose: true,
  func: async (_services, { a, b }) => ({ sum: a + b }),
})

export const myName = pikkuFunc<void, unknown>({ expose: true, func: async (_services, _data, { session }) => ({ name: session.userId }) })

export const inner = pikkuSessionlessFunc<{ note?: string }, unknown>({
  internal: true,
  expose: true,
  func: async (_services, { note }, { http, transport, requestId, traceId }) => ({ note, web: http !== undefined, transport, requestId, traceId }),
})

export const callInner = pikkuSessionlessFunc<void, unknown>({
  func: async ({ logger }, _data, { rpc, transport }) => {
    logger.info('outside', { transport })
    return rpc.invoke('inner', { note: 'from outside' })
  },
})

export const callExposed = pikkuSessionlessFunc<{ name: string }, unknown>({
  func: async (_services, { name }, { rpc }) => {
    void (() => [rpc.invoke('sum', { a: 1, b: 1 }), rpc.invoke('whoAmI')])
    return { got: await rpc.exposed(name as never, { a: 1, b: 2 } as never) }
  },
})

export const greet = pikkuSessionlessFunc<{ name: string }, unknown>({
  func: async ({ shelf, desk, config }, { name }) => ({ text: shelf.greet(name), desk: desk.opened, greeting: config.greeting }),
})
