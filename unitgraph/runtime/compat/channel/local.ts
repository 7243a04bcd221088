/** `@pikku/core/channel/local`: can be made, and says when it is used that channels don't run yet. */
import { NotImplementedError } from '../../core/errors.ts'
import type * as api from '../../types/channel/local.ts'

const later = (): never => {
  throw new NotImplementedError("The event hub is not available: this runtime can't run channels yet")
}

export class LocalEventHubService implements api.LocalEventHubService {
  subscribe = later
  unsubscribe = later
  publish = later
}
