/** Errands of gateways: the same whether the function is in the gateway's process or in another unit. */
import { describe, expect, test } from 'bun:test'
import { ConflictError, pikkuFunc, pikkuMiddleware, pikkuSessionlessFunc } from '#pikku'
import { openCall } from '../../unitgraph/runtime/core/answer.ts'
import type { Call } from '../../unitgraph/runtime/core/call.ts'
import { dispatch } from '../../unitgraph/runtime/core/dispatch.ts'
import type { ErrandOptions } from '../../unitgraph/runtime/core/errand.ts'
import { createHost } from '../../unitgraph/runtime/core/host.ts'
import { createUnit, type Unit } from '../../unitgraph/runtime/core/unit.ts'
import * as pieces from '../../unitgraph/runtime/pieces.ts'
import { errands } from '../../unitgraph/runtime/errands.ts'
import { remote } from '../../unitgraph/runtime/remote.ts'
import { RPC_SECRET, running } from './helpers.ts'

const env = { UNITGRAPH_RPC_SECRET: RPC_SECRET, LOG_LEVEL: 'silent' }

/** A channel's wire as a gateway would lend it. */
const channelWire = ({ channelId }: { channelId: string }, use: (method: string, args: readonly unknown[]) => unknown) => ({
  channelId, send: (data: unknown) => use('send', [data]), close: () => use('close', []),
})
const WIRINGS: ErrandOptions['wirings'] = {
  open: [],
  guarded: [{ auth: true }, { permissions: { none: () => false } as never }],
  tagged: [{ tags: ['loud'] }, { middleware: [pikkuMiddleware(async (_s, wire, next) => { await wire.setSession({ userId: 'from middleware' }); return next() })] }],
}

interface Sent { used: unknown[]; answer: unknown; call: Call }

/** A gateway, and what becomes of one errand through it. */
const gateway = (where: string, func: unknown, entry: object = {}) => {
  const options = {
    functions: { f: { value: func, ...entry } },
    errands: errands({ wires: { channel: channelWire as never }, wirings: WIRINGS }),
  }
  const host = createHost({ project: 'shop' }, env)
  const near: Unit = createUnit({ unit: 'shop-b', pieces, ...options }, host)
  const b = running({ unit: 'shop-b', ...options }, env)
  const away = remote({ f: { unit: 'shop-b', binding: 'B' } })
  const a = where === 'in process'
    ? createUnit({ unit: 'shop-chat', functions: {} }, createHost({ project: 'shop' }, env, { find: async () => near }))
    : createUnit({ unit: 'shop-chat', functions: {}, remote: away }, createHost({ project: 'shop' }, { ...env, B: b }))
  return async (wiring: string, data?: unknown, session?: object, heard?: () => void): Promise<Sent> => {
    const platform = { signal: new AbortController().signal, waitUntil: () => undefined }
    const call = openCall(new Request('https://shop.test/'), platform)
    if (session) call.session.value = session
    const used: unknown[] = []
    const errand = { transport: 'channel' as const, wiring, wire: { name: 'channel' as const, state: { channelId: 'c1' } } }
    const answer = await dispatch(a, 'f', data, errand, call, (method, args) => {
      used.push([method, ...args])
      heard?.()
    })
    return { used, answer, call }
  }
}

describe.each(['in process', 'across units'])('%s', (where) => {
  test('the function sees the transport, the wire and its state, and data keeps its types', async () => {
    const send = gateway(where, pikkuSessionlessFunc(async (_s, data: any, { transport, channel }) =>
      [transport, channel?.channelId, data.at instanceof Date]))
    expect((await send('open', { at: new Date(3) })).answer).toEqual(['channel', 'c1', true])
  })
  test('what it does with the wire happens at the gateway, in order, dates and all', async () => {
    const send = gateway(where, pikkuSessionlessFunc(async (_s, _d, { channel }) => {
      await channel?.send({ n: 1 })
      await channel?.send(new Date(7))
      await channel?.close()
      return 'last'
    }))
    expect(await send('open')).toMatchObject({ used: [['send', { n: 1 }], ['send', new Date(7)], ['close']], answer: 'last' })
  })
  test('uses arrive while the function goes on', async () => {
    const heard = Promise.withResolvers<unknown>()
    const send = gateway(where, pikkuSessionlessFunc(async (_s, _d, { channel }) => {
      await channel?.send('now')
      return heard.promise        // never settled, were uses kept until the end
    }))
    expect((await send('open', {}, undefined, () => heard.resolve('heard'))).answer).toBe('heard')
  })
  test('an error keeps its class, after what was sent before it', async () => {
    const used: unknown[] = []
    const send = gateway(where, pikkuSessionlessFunc(async (_s, _d, { channel }) => {
      await channel?.send('before')
      used.push('sent')
      throw new ConflictError('taken')
    }))
    const failed = await send('open').catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(ConflictError)
    expect([(failed as Error).message, used]).toEqual(['taken', ['sent']])
  })
  test('an unknown error says nothing of itself to the gateway\'s caller', async () => {
    const send = gateway(where, pikkuSessionlessFunc(async () => { throw new Error('private') }))
    const failed = (await send('open').catch((error: unknown) => error)) as Error & { status?: number }
    expect(failed).toBeInstanceOf(Error)
    if (where === 'across units') expect(failed.message).not.toContain('private')
  })
  test('the session goes there, and comes back changed', async () => {
    const send = gateway(where, pikkuFunc(async (_s, _d, wire) => { const was = wire.session.userId; await wire.setSession({ userId: 'u2' }); return was }))
    const { answer, call } = await send('open', undefined, { userId: 'u1' })
    expect([answer, call.session.value]).toEqual(['u1', { userId: 'u2' }])
    await expect(send('open')).rejects.toMatchObject({ name: 'MissingSessionError' })
  })
  test('the wiring\'s options hold: session, permissions, middleware', async () => {
    const send = gateway(where, pikkuSessionlessFunc(async (_s, _d, { session }) => session ?? null))
    await expect(send('guarded')).rejects.toMatchObject({ name: 'MissingSessionError' })
    await expect(send('guarded', {}, { userId: 'u1' })).rejects.toMatchObject({ name: 'ForbiddenError' })
    expect((await send('tagged')).answer).toEqual({ userId: 'from middleware' })
  })
  test('neither an internal function nor another wiring is reached', async () => {
    const inner = gateway(where, pikkuSessionlessFunc(async () => 1), { internal: true })
    await expect(inner('open')).rejects.toMatchObject({ name: 'NotFoundError' })
    await expect(gateway(where, pikkuSessionlessFunc(async () => 1))('other')).rejects.toMatchObject({ name: 'NotFoundError' })
  })
})

test('a unit that no gateway reaches refuses errands', async () => {
  const b = running({ unit: 'shop-b', functions: { f: { value: pikkuSessionlessFunc(async () => 1) } } }, env)
  const host = createHost({ project: 'shop' }, { ...env, B: b })
  const a = createUnit({ unit: 'shop-chat', functions: {}, remote: remote({ f: { unit: 'shop-b', binding: 'B' } }) }, host)
  const call = openCall(new Request('https://shop.test/'), { signal: new AbortController().signal, waitUntil: () => undefined })
  await expect(dispatch(a, 'f', {}, { transport: 'mcp', wiring: 'mcp tool f' }, call)).rejects.toMatchObject({ name: 'NotFoundError' })
})
