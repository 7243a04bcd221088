/** Units made by hand, as an entry makes them, and requests to them. */
import { worker, type WorkerOptions } from '../../unitgraph/runtime/entry/cloudflare.ts'
import { http, type HttpPart } from '../../unitgraph/runtime/http/index.ts'
import { answers } from '../../unitgraph/runtime/answers.ts'
import * as pieces from '../../unitgraph/runtime/pieces.ts'
import { rpc } from '../../unitgraph/runtime/rpc.ts'
import { sse } from '../../unitgraph/runtime/sse.ts'

export const RPC_SECRET = 'a secret of sufficient length'

export type Env = Record<string, unknown>

export interface Asked extends RequestInit {
  /** Sent as JSON. */
  json?: unknown
}

export interface Running {
  fetch(request: Request): Promise<Response>
  /** A response, its status and what its JSON says. */
  ask(path: string, init?: Asked): Promise<{ status: number; body: any; response: Response }>
}

/** What was logged while `work` ran, by line. */
export const logged = async (work: () => Promise<unknown>): Promise<Record<string, any>[]> => {
  const lines: Record<string, any>[] = []
  const { log, error } = console
  console.log = console.error = (line: string) => void lines.push(JSON.parse(line))
  try {
    await work()
  } finally {
    Object.assign(console, { log, error })
  }
  return lines
}

export const running = (options: Partial<WorkerOptions> & Pick<WorkerOptions, 'functions'>, env: Env = {}): Running => {
  const made = worker({ project: 'shop', unit: 'shop-unit', required: [], answers, rpc, pieces, ...options })
  const all = { LOG_LEVEL: 'silent', ...env }
  const fetch = (request: Request) => made.fetch(request, all, { waitUntil: () => undefined })
  return {
    fetch,
    ask: async (path, { json, ...init } = {}) => {
      const headers = new Headers(init.headers)
      if (json !== undefined) headers.set('content-type', 'application/json')
      const body = json === undefined ? init.body : JSON.stringify(json)
      const response = await fetch(new Request(`https://shop.test${path}`, { ...init, headers, ...(body != null && { body }) }))
      const text = await response.clone().text()
      return { status: response.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text, response }
    },
  }
}

type Routes = Record<string, unknown>

/** `{ 'GET /books/:id': function }`, or `[function, options]`. */
export const serving = (
  routes: Routes, part: Partial<HttpPart> = {}, options: Partial<WorkerOptions> = {}, env: Env = {},
): Running => {
  const functions: Record<string, { value: unknown }> = {}
  const entries = Object.entries(routes).map(([key, written], index) => {
    const [method = '', route = ''] = key.split(' ')
    const [value, ...groups] = Array.isArray(written) ? written : [written]
    functions[`f${index}`] = { value }
    return { method, route, function: `f${index}`, sse: groups.some((one) => one.sse), options: groups }
  })
  return running({
    ...options, functions: { ...functions, ...options.functions }, parts: [http({ routes: entries, sse, ...part })],
  }, env)
}
