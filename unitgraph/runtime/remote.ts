/** For units that call others: functions which live there, and how they are called. See `core/remote.ts`. */
import { InternalServerError, rebuildError } from './core/errors.ts'
import { pack, unpack } from './core/json.ts'
import { HEADER, PURPOSE, rpcSecret, TTL_S, type Answer, type Ticket } from './core/remote.ts'
import { RPC_PATH } from './http/path.ts'
import { digest, seal, toBytes } from './core/text.ts'
import type { CallRemote, Remote, Remotes, SendRemote } from './core/unit.ts'

interface Fetcher {
  fetch(request: Request): Promise<Response>
}

/** A unit that runs as a server is not bound: its binding's name is a variable with its URL. */
const serverAt = (url: string): Fetcher => ({
  fetch: (request) => fetch(new Request(new URL(new URL(request.url).pathname, url), request)),
})

const send: SendRemote = async (unit, { unit: name, binding }, functionId, given, call, exposed) => {
  const bound = unit.host.env[binding]
  const fetcher = typeof bound === 'string' ? serverAt(bound) : (bound as Fetcher | undefined)
  if (!fetcher?.fetch) {
    throw new InternalServerError(`${unit.name} has no binding ${binding}, through which ${functionId} is called`)
  }
  const body = pack(given)
  const now = Math.floor(Date.now() / 1000)
  const session = call.session.value
  const ticket: Ticket = {
    id: crypto.randomUUID(), unit: name, function: functionId, body: await digest(toBytes(body)), depth: call.depth + 1,
    request: call.requestId, issued: now, expires: now + TTL_S,
    ...(session && { session }), ...(exposed && { exposed }),
  }
  const request = new Request(`https://${name}${RPC_PATH}${encodeURIComponent(functionId)}`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      // for the log; what the callee goes by is signed
      'x-request-id': call.requestId,
      traceparent: call.traceparent,
      [HEADER]: await seal(PURPOSE, ticket, rpcSecret(unit.host)),
    },
    signal: call.signal,
  })
  return fetcher.fetch(request)
}

const callRemote: CallRemote = async (unit, target, functionId, data, call, exposed) => {
  const { unit: name } = target
  const response = await send(unit, target, functionId, { data }, call, exposed)
  const text = await response.text()
  let answer: Answer
  try {
    answer = unpack(text) as Answer
  } catch {
    throw new Error(`${name} answered a call of ${functionId} with status ${response.status} and no JSON`)
  }
  if (!response.ok && answer.error?.unknown !== false) {
    throw new Error(`${functionId} failed in ${name} (status ${response.status})`)
  }
  if (answer.error) throw rebuildError(answer.error)
  if (answer.session !== undefined) call.session.value = answer.session ?? undefined
  return answer.data
}

export const remote = (functions: Readonly<Record<string, Remote>>): Remotes => ({
  functions, call: callRemote, send, check: rpcSecret,
})
