/** What the authoring types accept and refuse: compiled, never run. */
import * as v from 'valibot'
import { z } from 'zod'
import {
  type FunctionTypes, type InputOf, type OutputOf,
  addError, defineHTTPRoutes, NotFoundError, pikkuAIAgent, pikkuAuth, pikkuChannelConnectionFunc, pikkuCLICommand,
  pikkuCLIRender, pikkuConfig, pikkuFunc, pikkuMCPToolFunc, pikkuMiddleware, pikkuPermission, pikkuServices,
  pikkuSessionlessFunc, pikkuTriggerFunc, pikkuVoidFunc, pikkuWireServices, pikkuWorkflow, pikkuWorkflowGraph,
  wireChannel, wireCLI, wireHTTP, wireHTTPRoutes, wireQueueWorker, wireScheduler, wireSecret,
} from '#pikku'
import { pikkuFunc as same } from '#pikku/function'
import { ConflictError } from '@pikku/core/errors'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <_T extends true>(): void => undefined

// bare, with type arguments and without
export const generics = pikkuFunc<{ id: string }, { title: string }>(async ({ logger }, { id }, { session, rpc }) => {
  logger.info(id, { user: session.userId })
  return { title: String(await rpc.invoke('other', { id })) }
})
is<Equal<FunctionTypes<typeof generics>, { input: { id: string }; output: { title: string } }>>()
export const inferred = pikkuSessionlessFunc(async (_services, data: { n: number }) => data.n * 2)
is<Equal<InputOf<typeof inferred>, { n: number }>>()
is<Equal<OutputOf<typeof inferred>, number>>()
export const noInput = pikkuVoidFunc(async ({ logger }) => logger.info('tick'))

// objects
export const both = pikkuFunc({
  input: z.object({ page: z.coerce.number().default(1) }),
  output: z.object({ books: z.array(z.string()) }),
  permissions: { owner: async (_s, data) => data.page > 0, all: [pikkuAuth(async (_s, session) => session !== undefined)] },
  func: async (_services, { page }) => {
    is<Equal<typeof page, number>>()
    return { books: [String(page)] }
  },
})
is<Equal<OutputOf<typeof both>, { books: string[] }>>()
export const inputOnly = pikkuSessionlessFunc({
  input: v.object({ id: v.pipe(v.string(), v.transform(Number)) }),
  func: async (_services, { id }, { session }) => {
    // @ts-expect-error there may be no session
    session.userId
    return id + 1
  },
})
is<Equal<InputOf<typeof inputOnly>, { id: string }>>()
is<Equal<OutputOf<typeof inputOnly>, number>>()
export const outputOnly = pikkuFunc({ output: z.array(z.string()), func: async () => ['a'] })
is<Equal<OutputOf<typeof outputOnly>, string[]>>()
export const noSchema = pikkuFunc<{ a: 1 }, { b: 2 }>({ auth: false, tags: ['x'], func: async (_s, { a }) => ({ b: a === 1 ? 2 : 2 }) })
is<Equal<FunctionTypes<typeof noSchema>, { input: { a: 1 }; output: { b: 2 } }>>()
export const objectInferred = pikkuFunc({ expose: true, func: async (_s, data: { a: string }) => ({ a: data.a }) })
is<Equal<InputOf<typeof objectInferred>, { a: string }>>()

// @ts-expect-error the output is not what the schema says
pikkuFunc({ output: z.object({ id: z.string() }), func: async () => ({ id: 1 }) })
// @ts-expect-error no such service
pikkuFunc(async ({ nowhere }) => nowhere)
// @ts-expect-error an unknown option
pikkuFunc({ exposed: true, func: async () => 1 })
same(async (_services, _data, { setSession, http }) => {
  await setSession({ userId: 'u' })
  http?.response.status(201).header('x-a', 'b').cookie('c', 'd', { httpOnly: true })
})

// around functions
export const audit = pikkuMiddleware(async ({ logger }, { http, session }, next) => {
  logger.info('before', { path: http?.path, user: session?.userId })
  return next()
})
export const isOwner = pikkuPermission<{ id: string }>(async (_s, { id }, { session }) => session?.userId === id)
pikkuFunc({ input: z.object({ id: z.string() }), permissions: { isOwner }, middleware: [audit], func: async () => null })
class OutOfStock extends ConflictError {
  constructor(sku: string) {
    super(`${sku} is out of stock`)
  }
}
addError(OutOfStock, { status: 409, message: 'Out of stock' })
new NotFoundError('no', { cause: new Error('x') }).status.toFixed()

// setup
export const createConfig = pikkuConfig(async () => ({ logLevel: 'info' as const, databaseUrl: 'x' }))
export const createServices = pikkuServices(async (config, { logger, secrets }) => {
  logger.info(config.logLevel, await secrets.getSecret('X'))
  return { db: new Map<string, string>() }
})
is<Equal<Awaited<ReturnType<typeof createServices>>, { db: Map<string, string> }>>()
export const createWireServices = pikkuWireServices(async (_services, wire) => ({ tenant: wire.session?.userId }))

// wirings
wireHTTP({ method: 'get', route: '/books', func: both, sse: true, query: z.object({}), tags: ['a'], auth: false })
const routes = defineHTTPRoutes({ basePath: '/api', tags: ['api'], routes: { books: { method: 'get', route: '/', func: both } } })
wireHTTPRoutes(routes)
wireHTTPRoutes({ auth: false, middleware: [audit], routes: { nested: routes, one: { method: 'POST', route: '/x', func: generics } } })
// @ts-expect-error no such method
wireHTTP({ method: 'fetch', route: '/', func: both })
// @ts-expect-error not an authored function
wireHTTP({ method: 'get', route: '/', func: async () => 1 })
wireQueueWorker({ queue: 'signups', func: generics, config: { maxRetries: 3 } })
wireScheduler({ schedule: '0 3 * * *', func: noInput })
export const onConnect = pikkuChannelConnectionFunc(async ({ logger }, _opening, { channel }) => {
  logger.info(channel.channelId)
  await channel.send({ hello: true })
})
wireChannel({ name: 'c', route: '/c', onConnect, onMessageWiring: { action: { go: { func: generics, auth: false } } } })
export const workflow = pikkuWorkflow({
  input: z.object({ email: z.string() }),
  func: async ({ workflow, rpc }, data, wire) => {
    await workflow.do('Create', 'createProfile', data, { retries: 3, retryDelay: '2s', onError: 'undo' })
    const n = await workflow.do('Inline', async () => 42)
    await wire.workflow.sleep('Wait', '5m')
    const ok = await workflow.approval('Ask', { timeout: '3d' })
    if (!ok.approved) await workflow.cancel('declined')
    await rpc.invoke('x', {})
    return { n }
  },
})
is<Equal<OutputOf<typeof workflow>, { n: number }>>()
export const limited = pikkuWorkflow({
  input: z.object({ customer: z.string(), weight: z.number().default(1) }),
  concurrency: { limit: 2, key: ({ customer }) => customer },
  rate: { limit: 100, per: '1h', key: (data) => data.weight },
  priority: ({ weight }) => weight,
  retention: '90d',
  func: async ({ workflow }, { customer }) => {
    await workflow.do('Book', async () => ({ id: customer }), { compensate: (booked) => booked?.id.toUpperCase() })
    await workflow.do('Charge', 'charge', {}, { compensate: 'refund' })
  },
})
pikkuWorkflow<{ to: string }, void>({ concurrency: { limit: 1, key: ({ to }) => to }, func: async () => undefined })
// @ts-expect-error a key is of the input
pikkuWorkflow<{ to: string }, void>({ concurrency: { limit: 1, key: ({ from }) => from }, func: async () => undefined })
// @ts-expect-error only workflows have limits
pikkuFunc({ concurrency: { limit: 1 }, func: async () => 1 })
export const graph = pikkuWorkflowGraph({
  nodes: { a: 'createProfile', b: 'sendEmail' },
  config: { a: { input: (ref) => ref('trigger', 'email'), next: 'b' }, b: { onError: 'a', next: { yes: 'a', no: ['b'] } } },
})
// @ts-expect-error no such node
pikkuWorkflowGraph({ nodes: { a: 'createProfile' }, config: { a: { next: 'z' } } })
export const agent = pikkuAIAgent({ name: 'ops', model: 'anthropic/claude-sonnet-4-5', tools: [workflow, both] })
wireHTTP({ method: 'post', route: '/onboard', func: workflow })
export const tool = pikkuMCPToolFunc({ input: z.object({ q: z.string() }), func: async (_s, { q }, { mcp }) => [{ type: 'text', text: q + mcp.uri }] })
export const source = pikkuTriggerFunc<{ channel: string }>(async (_s, { channel }, { trigger }) => {
  await trigger.invoke({ channel })
  return () => undefined
})
wireCLI({
  program: 'shop',
  commands: {
    list: pikkuCLICommand({ func: both, render: pikkuCLIRender<{ books: string[] }>((_s, d) => d.books.forEach(String)) }),
  },
})
wireSecret({ name: 'stripe', secretId: 'STRIPE_API_KEY', schema: z.string() })
pikkuFunc({ permissions: { isOwner, admin: pikkuAuth(() => true) }, func: async (_s, data: { id: string; n: number }) => data.n })
pikkuFunc<{ id: string }, string>({ permissions: { both: [isOwner, pikkuAuth(() => true)] }, func: async (_s, { id }) => id })
// @ts-expect-error the permission asks for more than the function gets
pikkuFunc({ permissions: { isOwner }, func: async (_s, data: { n: number }) => data.n })
// @ts-expect-error the permission asks for more than the schema gives
pikkuFunc({ input: z.object({ n: z.number() }), permissions: { isOwner }, func: async (_s, data) => data.n })
