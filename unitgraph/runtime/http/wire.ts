/** `http` as functions and middleware see it: the request, and what goes out with the response. */
import type { Call } from '../core/call.ts'
import type { HttpRequest, HttpResponse, HttpWire } from '../types/wire.ts'
import { readBytes } from './bytes.ts'
import { readCookie, writeCookie } from './cookies.ts'
import { queryOf } from './fields.ts'
import { Outgoing } from './outgoing.ts'

export interface Incoming extends Omit<HttpWire, 'headers'> {
  headers: Readonly<Record<string, unknown>>
}

const createResponse = (out: Outgoing): HttpResponse => {
  const response: HttpResponse = {
    status: (code) => {
      out.status = code
      return response
    },
    header: (name, value) => {
      out.headers.set(name, value)
      return response
    },
    append: (name, value) => {
      out.headers.append(name, value)
      return response
    },
    cookie: (name, value, options = {}) => {
      out.headers.append('set-cookie', writeCookie(name, value, options))
      return response
    },
    redirect: (location, status = 302) => {
      out.status = status
      out.headers.set('location', location)
      return response
    },
  }
  return response
}

export interface Exchange {
  readonly http: Incoming
  readonly out: Outgoing
  /** The body as it came, read once. */
  readonly bytes: () => Promise<Uint8Array<ArrayBuffer>>
}

const createRequest = (
  request: Request, path: string, params: Readonly<Record<string, string>>, bytes: Exchange['bytes'], call: Pick<Call, 'ip'>,
): HttpRequest => ({
  method: request.method,
  path,
  url: request.url,
  raw: request,
  get ip() {
    return call.ip
  },
  header: (name) => request.headers.get(name) ?? undefined,
  cookie: (name) => readCookie(request.headers.get('cookie') ?? undefined, name),
  params: () => params,
  query: () => queryOf(request) as Record<string, string | string[]>,
  bytes,
  text: async () => new TextDecoder().decode(await bytes()),
})

export const createHttp = (
  request: Request, path: string, route: string, params: Readonly<Record<string, string>>, limit: number, call: Pick<Call, 'ip'>,
  out: Outgoing = new Outgoing(),
): Exchange => {
  let body: ReturnType<Exchange['bytes']> | undefined
  let headers: Incoming['headers'] | undefined
  let asked: HttpRequest | undefined
  let response: HttpResponse | undefined
  const exchange: Exchange = {
    out,
    bytes: () => (body ??= readBytes(request, limit)),
    // most functions ask for data alone
    http: {
      method: request.method,
      path,
      route,
      get headers() {
        return (headers ??= Object.fromEntries(request.headers))
      },
      set headers(checked) {
        headers = checked
      },
      get request() {
        return (asked ??= createRequest(request, path, params, exchange.bytes, call))
      },
      get response() {
        return (response ??= createResponse(out))
      },
    },
  }
  return exchange
}

export const exchange = createHttp
