/// <reference path="./modules.d.ts" />
/**
 * A command's call where the application is deployed: over a channel that is opened for it and ends with it. What the
 * function sends and what it returns are shown here, by renderers that know no services. Knows no channel but its frames.
 */
import { request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import { fromBase64Url } from '../core/text.ts'
import type { Parsed } from './parse.ts'
import { fail, show, SIGNALS, type Failure, type Terminal } from './terminal.ts'

type Run = Extract<Parsed, { kind: 'run' }>
type Outcome = { readonly result: unknown } | { readonly failure: Failure }

const OPENING_MS = 30_000
/** As long may a line be silent, and then as long again. */
const SILENCE_MS = 30_000
const MOST_TOLD = 64 * 1024

export interface RemoteEnd {
  /** As somebody typed it. */
  readonly url: string
  readonly token: string | undefined
}

declare const process: { on(event: string, listener: () => void): void; off(event: string, listener: () => void): void }

const failure = (code: string, message: string, more: Partial<Failure> = {}): Outcome => ({ failure: { ...more, code, message } })

/** A WebSocket's address; one without a path means the program's own route. Throws for what can't be one. */
export const addressOf = (given: string, route: string): URL => {
  let url: URL
  try {
    url = new URL(given)
  } catch {
    throw new TypeError(`${given} is no address: write wss://host, or wss://host${route}`)
  }
  const protocol = { 'http:': 'ws:', 'https:': 'wss:', 'ws:': 'ws:', 'wss:': 'wss:' }[url.protocol]
  if (!protocol) throw new TypeError(`${given} is no address of a channel: it begins with wss:// or ws://`)
  url.protocol = protocol
  if (url.pathname === '/') url.pathname = route
  url.hash = ''
  return url
}

const isHere = ({ hostname }: URL): boolean => hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname)

/** Why there is no connection. A WebSocket doesn't say, so it is asked once more as a request. */
const whyNot = (url: URL, headers: Readonly<Record<string, string>>): Promise<Outcome> =>
  new Promise((told) => {
    const ask = url.protocol === 'wss:' ? requestSecure : requestPlain
    const asked = ask(url.href.replace(/^ws/, 'http'), {
      headers: {
        ...headers, connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13',
        'sec-websocket-key': btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16)))),
      },
      timeout: OPENING_MS,
    })
    const broken = (why: string): void => {
      asked.destroy()
      told(failure('no-answer', `${url.host} doesn't answer: ${why.split('\n')[0]}`))
    }
    asked.on('error', (error) => broken(error.message || (error as { code?: string }).code || 'no connection'))
    asked.on('timeout', () => broken('nothing came in time'))
    asked.on('upgrade', () => broken('the connection broke'))
    asked.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (part) => {
        if (body.length < MOST_TOLD) body += part
      })
      response.on('end', () => {
        const status = response.statusCode ?? 0
        try {
          const said = JSON.parse(body) as Answer
          told(outcomeOf({ code: `status-${status}`, error: `${url.host} answers with ${status}`, ...said, status }))
        } catch {
          told(failure(`status-${status}`, `${url.host} answers with ${status}${status === 404 ? `, so there is no command line at ${url.pathname}` : ''}`))
        }
      })
    })
    asked.end()
  })

interface Answer {
  readonly $id?: unknown
  readonly data?: unknown
  readonly base64url?: string
  readonly status?: number
  readonly error?: string
  readonly code?: string
  readonly issues?: Failure['issues']
  readonly id?: string
}

const outcomeOf = ({ data, base64url, status, error = '', code = '', issues, id }: Answer): Outcome => {
  if (status === undefined) return { result: base64url === undefined ? data : fromBase64Url(base64url) }
  return failure(code, error, { ...(issues && { issues }), ...(id && { requestId: id }) })
}

/** `sent` is told what the function sends, in its order, before the outcome is there. */
const call = (url: URL, { command, data, texts }: Run, token: string | undefined, signal: AbortSignal, sent: (value: unknown) => Promise<void>): Promise<Outcome> => {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
  const id = crypto.randomUUID()
  // what Node.js and Bun take in place of protocols
  const socket = new WebSocket(url, { headers } as never)
  socket.binaryType = 'arraybuffer'
  let tail: Promise<unknown> = Promise.resolve()
  let isOpen = false
  let heard = Date.now()
  return new Promise<Outcome>((resolve, reject) => {
    const opening = setTimeout(() => end(failure('no-answer', `${url.host} doesn't answer: nothing came in time`)), OPENING_MS)
    const beat = setInterval(() => {
      if (Date.now() - heard > 2 * SILENCE_MS) end(failure('no-answer', 'The connection went silent. Whether it was done is not known'))
      else if (isOpen) socket.send('ping')
    }, SILENCE_MS)
    const over = (): void => {
      clearTimeout(opening)
      clearInterval(beat)
      signal.removeEventListener('abort', leave)
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null
      socket.close()
    }
    const end = (outcome: Outcome): void => {
      over()
      tail.then(() => resolve(outcome), reject)
    }
    const leave = (): void => {
      over()
      reject(signal.reason as Error)
    }
    const show = (value: unknown): void => {
      tail = tail.then(() => sent(value))
      tail.catch(() => end(failure('unshown', '')))
    }
    signal.addEventListener('abort', leave)
    socket.onopen = () => {
      isOpen = true
      clearTimeout(opening)
      socket.send(JSON.stringify({ $id: id, $command: command.path.slice(1).join(' '), $texts: texts, ...data }))
    }
    socket.onmessage = ({ data: frame }: MessageEvent<string | ArrayBuffer>) => {
      heard = Date.now()
      if (frame === 'pong') return
      if (typeof frame !== 'string') return show(new Uint8Array(frame))
      const said = JSON.parse(frame) as Answer | null
      if (said?.$id === id) end(outcomeOf(said))
      else show(said)
    }
    socket.onerror = () => undefined
    socket.onclose = ({ code, reason }) => {
      if (!isOpen) return void whyNot(url, headers).then(end)
      end(failure('no-answer', `The connection broke (${code}${reason ? `, ${reason}` : ''}). Whether it was done is not known`))
    }
  })
}

/** A renderer beside which there is no application. */
const noServices = (command: string): object =>
  new Proxy({}, {
    get: (_target, name) => {
      throw new TypeError(`The renderer of ${command} takes the service ${String(name)}, which is where the application is, not here`)
    },
  })

/** Runs a command there; gives the status that this process ends with. */
export const runRemote = async (run: Run, { url: given, token }: RemoteEnd, terminal: Terminal): Promise<number> => {
  const { command, isJson } = run
  const path = command.path.join(' ')
  let url: URL
  try {
    url = addressOf(given, command.route ?? '/')
  } catch (error) {
    await terminal.err(`error: ${(error as Error).message}\n`)
    return 2
  }
  if (token && url.protocol === 'ws:' && !isHere(url)) await terminal.err(`warning: the token goes to ${url.host} for everybody on the way to read: use wss://\n`)
  const ending = new AbortController()
  let status = 0
  const stops = Object.entries(SIGNALS).map(([name, code]) => [name, () => {
    status = code
    ending.abort(new DOMException(`Ended by ${name}`, 'AbortError'))
  }] as const)
  for (const [name, stop] of stops) process.on(name, stop)
  const render = async (value: unknown): Promise<void> => {
    if (isJson || !command.render) return show(terminal, value, isJson)
    const wire = { transport: 'cli', function: command.function, cli: { program: command.path[0], command: command.path.slice(1) } }
    await command.render(noServices(path) as never, value as never, wire as never)
  }
  try {
    const outcome = await call(url, run, token, ending.signal, render)
    if ('failure' in outcome) {
      await fail(terminal, outcome.failure)
      return 1
    }
    await render(outcome.result)
    return status
  } catch (error) {
    await terminal.err(status ? `${(error as Error).message}\n` : `error: ${(error as Error).message}\n`)
    return status || 1
  } finally {
    for (const [name, stop] of stops) process.off(name, stop)
  }
}
