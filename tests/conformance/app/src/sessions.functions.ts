/** Sessions: who is signed in, however they said so. */
import { pikkuAuth, pikkuFunc, pikkuPermission, pikkuSessionlessFunc } from '#pikku'

export const whoAmI = pikkuSessionlessFunc<void, unknown>({
  func: async (_services, _data, { session, transport }) => ({ session: session ?? null, transport }),
})

export const me = pikkuFunc<void, unknown>({
  func: async (_services, _data, { session }) => ({ userId: session.userId ?? null, role: session.role ?? null }),
})

export const signIn = pikkuSessionlessFunc<{ userId: string; role?: string }, unknown>({
  func: async (_services, session, { setSession }) => {
    await setSession(session)
    return { in: session.userId }
  },
})

export const visit = pikkuFunc<void, unknown>({
  func: async (_services, _data, { session, setSession }) => {
    const visits = (session.visits ?? 0) + 1
    await setSession({ ...session, visits })
    return { visits }
  },
})

export const signOut = pikkuFunc<void, unknown>({
  func: async (_services, _data, { clearSession }) => {
    await clearSession()
    return { out: true }
  },
})

export const isOwner = pikkuPermission<{ userId: string }>(async (_services, { userId }, { session }) => session?.userId === userId)
export const isStaff = pikkuAuth(async (_services, session) => session?.role === 'staff')
export const isAwake = pikkuAuth(async (_services, session) => session?.role !== 'asleep')
export const isBorn = pikkuPermission(async () => true)

/** The owner, or staff that is awake. */
export const owned = pikkuFunc<{ userId: string }, unknown>({
  permissions: { owner: isOwner, staff: [isStaff, isAwake] },
  func: async (_services, { userId }) => ({ of: userId }),
})

export const nobody = pikkuFunc<void, unknown>({ permissions: {}, func: async () => ({ never: true }) })

export const optional = pikkuFunc<void, unknown>({
  auth: false,
  func: async (_services, _data, { session }) => ({ in: Boolean(session) }),
})

export const tagged = pikkuFunc<void, unknown>({ tags: ['staff-only'], func: async () => ({ staff: true }) })
