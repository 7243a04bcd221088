/** The service `webhooks`, for units that take it: events sent to addresses that others gave, signed (Standard Webhooks). */
import { BadGatewayError, BadRequestError, GatewayTimeoutError, GoneError } from '../core/errors.ts'
import { durationMs } from '../core/duration.ts'
import { toJson } from '../core/json.ts'
import { toBytes } from '../core/text.ts'
import { sign } from '../core/webhook.ts'
import type { WebhooksService } from '../types/services.ts'

/** Addresses that mean this machine or its network, as an URL spells them. A name that leads there is not seen. */
const PRIVATE = [
  /^(?:0|10|127)\./, /^169\.254\./, /^172\.(?:1[6-9]|2\d|3[01])\./, /^192\.168\./, /^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./,
  /^\[(?:::|f[cd]|fe[89ab]|::ffff:)/, /(?:^|\.)localhost\.?$/, /\.(?:local|internal)\.?$/,
]

const target = (address: string, allowPrivate: boolean): URL => {
  let url: URL
  try {
    url = new URL(address)
  } catch (error) {
    throw new BadRequestError('The address of a webhook is no URL', { cause: error })
  }
  const { protocol, hostname, username, password } = url
  const isPrivate = protocol !== 'https:' || PRIVATE.some((form) => form.test(hostname))
  if (username || password || !['https:', 'http:'].includes(protocol) || (isPrivate && !allowPrivate)) {
    throw new BadRequestError('A webhook goes to a public address, by https and without a password in it')
  }
  return url
}

export const webhooks = (): WebhooksService => ({
  send: async (address, { type, data, timestamp = new Date() }, { secret, id = `msg_${crypto.randomUUID()}`, timeout = '15s', headers = {}, allowPrivate = false }) => {
    const url = target(address, allowPrivate)
    const body = toBytes(toJson({ type, timestamp, data }))
    const signed = await sign(id, Math.floor(Date.now() / 1000), body, [secret].flat())
    let response: Response
    try {
      response = await fetch(url, {
        method: 'POST', body, redirect: 'manual', signal: AbortSignal.timeout(durationMs(timeout)),
        headers: { 'user-agent': 'unitgraph-webhooks', ...headers, 'content-type': 'application/json', ...signed },
      })
    } catch (error) {
      const isLate = (error as Error).name === 'TimeoutError'
      throw new (isLate ? GatewayTimeoutError : BadGatewayError)(`${url.host} ${isLate ? 'took too long' : "can't be reached"}`, { cause: error })
    }
    // what it says is nobody's business here, and would keep the connection
    await response.body?.cancel()
    if (response.status === 410) throw new GoneError(`${url.host} wants no more of these`)
    if (!response.ok) throw new BadGatewayError(`${url.host} answered with status ${response.status}`)
    return { id, status: response.status }
  },
})
