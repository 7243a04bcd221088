/** Runs of a deployment, asked over HTTP as `dashboard/api.ts` answers. Knows its addresses and its token. */
import { viewOf, type Summary } from '../dashboard/view.ts'
import type { Run } from '../workflow/run.ts'
import { Refused } from './acts.ts'
import type { Shelf } from './shelf.ts'

const LATE_MS = 30_000

interface Said {
  readonly error?: string
}

/** `url` is that of the deployment; without a token only a `doit dev` on this machine answers. */
export const shelfAt = (url: string, token: string | undefined): Shelf => {
  const base = `${url.replace(/\/+$/, '')}/__unitgraph/runs`

  const ask = async (path: string, body?: object): Promise<{ status: number; said: unknown }> => {
    const response = await fetch(`${base}${path}`, {
      method: body ? 'POST' : 'GET', redirect: 'error', signal: AbortSignal.timeout(LATE_MS),
      headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    const { status } = response
    if (status === 401 || status === 403) throw new Refused('token', { url })
    const said = await response.json().catch(() => undefined) as unknown
    if (said === undefined) throw new Refused('no-deployment', { url, status })
    if (status >= 500 || status === 429) throw new Error(`it answers with status ${status}: ${(said as Said).error ?? ''}`)
    return { status, said }
  }
  const pathOf = (id: string, what = ''): string => `/${encodeURIComponent(id)}${what}`
  const view = async (id: string): Promise<Summary | undefined> => {
    const { status, said } = await ask(pathOf(id))
    return status === 200 ? said as Summary : undefined
  }

  return {
    list: async ({ name, status, since, text, limit }, next) => {
      const query = new URLSearchParams({ limit: String(limit) })
      for (const [key, value] of Object.entries({ name, status, since, text, before: next as string | undefined })) {
        if (value !== undefined) query.set(key, String(value))
      }
      const { status: answered, said } = await ask(`?${query}`)
      if (answered === 404) throw new Refused('no-deployment', { url, status: answered })
      if (answered !== 200) throw new Error(`it answers with status ${answered}: ${(said as Said).error ?? ''}`)
      const { runs, next: more } = said as { runs: readonly Summary[]; next: string | null }
      return { runs, next: more ?? undefined }
    },
    load: async (id) => {
      const { status, said } = await ask(pathOf(id, '/journal'))
      return status === 200 ? said as Run : undefined
    },
    view: viewOf,
    cancel: async (id, reason) => {
      await ask(pathOf(id, '/cancel'), reason === null ? {} : { reason })
      return view(id)
    },
    resume: async (id) => {
      await ask(pathOf(id, '/resume'), {})
      return view(id)
    },
    fork: async (id, as, again) => {
      const { status } = await ask(pathOf(id, '/fork'), { as, ...(again && { step: again.key }) })
      return status === 200 ? view(as) : undefined
    },
  }
}
