import type { CoreUserSession } from '#pikku'

export interface UserSession extends CoreUserSession {
  userId?: string
  role?: string
  visits?: number
}
