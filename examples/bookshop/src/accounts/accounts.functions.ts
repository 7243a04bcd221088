import * as z from 'zod'
import { pikkuFunc, pikkuSessionlessFunc, UnauthorizedError } from '#pikku'
import type { UserSession } from './session.ts'

export const signIn = pikkuSessionlessFunc({
  input: z.object({ email: z.email(), password: z.string().min(1) }),
  output: z.object({ token: z.string(), userId: z.string() }),
  func: async ({ accounts, jwt, logger }, { email, password }) => {
    const session = await accounts.verify(email, password)
    if (!session) throw new UnauthorizedError('This e-mail address and password do not belong together.')
    logger.info(`${session.userId} signed in`)
    return { token: await jwt.encode('8h', session), userId: session.userId }
  },
})

export const whoAmI = pikkuFunc<void, UserSession>({
  func: async (_services, _data, { session: { userId, role } }) => ({ userId, role }),
})
