/** What the agents of these tests may call. */
import { ForbiddenError, NotFoundError, pikkuFunc, pikkuMiddleware, pikkuPermission, pikkuSessionlessFunc, pikkuWorkflow } from '#pikku'
import * as z from 'zod'

/** Whoever says so is it: these tests are about agents. */
export const signIn = pikkuMiddleware(async (_services, wire, next) => {
  const user = wire.http?.request.header('x-user')
  if (user) await wire.setSession({ userId: user })
  return next()
})

export const getBook = pikkuSessionlessFunc<{ isbn: string; withPrice?: boolean }, { title: string; by?: string | undefined }>({
  description: 'A book by its number.',
  func: async (_services, { isbn }, { session }) => {
    if (isbn === '0') throw new NotFoundError('There is no book 0')
    if (isbn === 'broken') throw new Error('secret internals of the shop')
    return { title: `Book ${isbn}`, by: session?.userId }
  },
})

export const search = pikkuSessionlessFunc({
  title: 'Finds books',
  input: z.object({ genre: z.enum(['novel', 'poetry']).describe('What kind of book'), limit: z.number().int().optional() }),
  output: z.array(z.string()),
  func: async (_services, { genre }) => [`a ${genre}`],
})

const isAda = pikkuPermission(async (_services, _data, { session }) => session?.userId === 'ada')

export const stockOf = pikkuFunc<{ isbn: string }, { stock: number }>({
  permissions: { isAda },
  func: async () => ({ stock: 3 }),
})

export const order = pikkuFunc<{ isbn: string; copies: number }, { ordered: string }>({
  description: 'Orders copies, which costs money.',
  requiresApproval: true,
  func: async ({ logger }, { isbn, copies }, { session }) => {
    logger.info('ordered', { isbn, copies, by: session?.userId })
    return { ordered: `${copies} of ${isbn} for ${session?.userId}` }
  },
})

export const everything = pikkuSessionlessFunc<{ size: number }, { text: string }>({
  func: async (_services, { size }) => ({ text: 'x'.repeat(size) }),
})

export const refuse = pikkuSessionlessFunc<Record<string, unknown>, void>(async () => {
  throw new ForbiddenError('Nobody may')
})

/** Takes its time, so that somebody can end the process meanwhile. */
export const linger = pikkuSessionlessFunc<{ ms: number }, { lingered: boolean }>({
  func: async ({ logger }, { ms }) => {
    logger.info('lingering')
    await new Promise((resolve) => setTimeout(resolve, ms))
    return { lingered: true }
  },
})

export const restocked = pikkuSessionlessFunc<{ isbn: string }, { by: string | undefined }>({
  func: async ({ logger }, { isbn }, { session }) => {
    logger.info('restocked', { isbn, by: session?.userId })
    return { by: session?.userId }
  },
})

export const restock = pikkuWorkflow<{ isbn: string }, { by: string | undefined }>({
  description: 'Orders more copies and puts them on the shelf.',
  func: async ({ workflow }, { isbn }) => workflow.do('Restock', 'restocked', { isbn }),
})

/** Asks an agent from a function of another unit. */
export const delegate = pikkuFunc<{ message: string; how: string; runId?: string; decisions?: { approvalId: string; approved: boolean }[] }, unknown>({
  func: async (_services, { message, how, runId = '', decisions = [] }, { rpc }) => {
    if (how === 'run') return rpc.agent.run('clerk', { message })
    if (how === 'approve') return rpc.agent.approve(runId, decisions)
    if (how === 'resume') return rpc.agent.resume(runId)
    const found: unknown[] = []
    for await (const event of await rpc.agent.stream('clerk', { message })) found.push(event)
    return found
  },
})
