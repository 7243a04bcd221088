/** `http` as functions and middleware see it: the request, and what goes out with the response. */
import type { HttpResponse, HttpWire } from '../types/wire.ts'
import { readBytes } from './body.ts'
import { readCookie, writeCookie } from './cookies.ts'
import { collect } from './fields.ts'

/** What is to go out, whatever the function returns or throws. */
export interface Outgoing {
  status: number | undefined
  readonly headers: Headers
}

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

export const createHttp = (
  request: Request, path: string, route: string, params: Readonly<Record<string, string>>, limit: number, ip?: string,
): { http: Incoming; out: Outgoing } => {
  const out: Outgoing = { status: undefined, headers: new Headers() }
  let body: Promise<Uint8Array<ArrayBuffer>> | undefined
  const bytes = () => (body ??= readBytes(request, limit))
  let headers: Incoming['headers'] | undefined
  let response: HttpResponse | undefined
  return {
    out,
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
      request: {
        method: request.method,
        path,
        url: request.url,
        raw: request,
        ip,
        header: (name) => request.headers.get(name) ?? undefined,
        cookie: (name) => readCookie(request.headers.get('cookie') ?? undefined, name),
        params: () => params,
        query: () => collect(new URL(request.url).searchParams) as Record<string, string | string[]>,
        bytes,
        text: async () => new TextDecoder().decode(await bytes()),
      },
      get response() {
        return (response ??= createResponse(out))
      },
    },
  }
}
