/** Messages between processes that share a Redis, by its publish and subscribe. */
import { ANSWER_MS, inTime } from '../patience.ts'
import type { Place } from '../place.ts'
import type { Connect } from '../bus.ts'
import { connect } from './client.ts'
import { prefixOf } from './store.ts'

export const carrier = (place: Place, project: string): Connect => async (receive) => {
  const client = connect(place)
  const channel = `${prefixOf(project)}bus`
  const ready = Promise.withResolvers<void>()
  let end = client.listen(channel, receive, () => ready.resolve())
  try {
    // says at once what is wrong, which a listener would only try again
    await client.call('PING')
    await inTime(ready.promise, () => undefined, ANSWER_MS)
  } catch (error) {
    client.close()
    throw error
  }
  return {
    send: async (text) => void (await client.call('PUBLISH', channel, text)),
    renew: async () => {
      end()
      end = client.listen(channel, receive)
    },
    close: async () => client.close(),
  }
}
