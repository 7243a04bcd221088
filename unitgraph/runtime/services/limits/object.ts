/** The bucket of one key on Cloudflare, in a Durable Object: gone once it would be full. */
import type { RateLimit } from '../../types/services.ts'
import { take, type Bucket } from './bucket.ts'

interface Storage {
  get(key: string): Promise<Bucket | undefined>
  put(key: string, value: Bucket): Promise<void>
  setAlarm(at: number): Promise<void>
  deleteAll(): Promise<void>
}

export class RateLimitBucket {
  readonly #storage: Storage

  constructor(state: { storage: Storage }) {
    this.#storage = state.storage
  }

  async fetch(request: Request): Promise<Response> {
    const limit = (await request.json()) as RateLimit
    // nothing else runs in an object while it reads what it keeps, so no two calls take one token
    const [bucket, state] = take(await this.#storage.get('bucket'), limit, Date.now())
    await this.#storage.put('bucket', bucket)
    await this.#storage.setAlarm(Date.now() + state.resetMs)
    return Response.json(state)
  }

  async alarm(): Promise<void> {
    await this.#storage.deleteAll()
  }
}
