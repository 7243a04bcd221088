import type { CoreUserSession } from '#pikku'

/** Who is signed in. Travels in the bearer token, so every unit can read it without asking another one. */
export interface UserSession extends CoreUserSession {
  userId: string
  role: 'reader' | 'staff'
}
