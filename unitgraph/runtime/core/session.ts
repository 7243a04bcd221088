/** Who calls. One holder for a request and all calls that it makes in this process. */
import type { UserSession } from '../types/services.ts'

export class Session {
  value: UserSession | undefined
  constructor(value?: UserSession) {
    this.value = value
  }
}
