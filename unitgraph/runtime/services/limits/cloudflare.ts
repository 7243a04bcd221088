/** `rateLimits` on Cloudflare: a Durable Object a key, so that all isolates everywhere count together. */
import type { RateLimits, RateLimitState } from '../../types/services.ts'
import { bound, type Services } from '../bound.ts'

interface Namespace {
  idFromName(name: string): unknown
  get(id: unknown): { fetch(url: string, init: { method: 'POST'; body: string }): Promise<{ json(): Promise<unknown> }> }
}

export const rateLimits = (binding: string) => (base: Services): RateLimits => {
  const namespace = bound<Namespace>(base, binding, 'idFromName')
  return {
    take: async (key, limit) => {
      const object = namespace.get(namespace.idFromName(key))
      const answer = await object.fetch('https://limits/', { method: 'POST', body: JSON.stringify(limit) })
      return (await answer.json()) as RateLimitState
    },
  }
}
