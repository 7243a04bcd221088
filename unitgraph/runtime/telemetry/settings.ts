/** Where spans go, by the variables that OpenTelemetry gives that: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ */
import { readText, type Environment } from '../core/environment.ts'
import { keepSecret } from '../core/secrets.ts'

export interface Settings {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** How long a span may wait for others. */
  readonly delayMs: number
  readonly resource: Readonly<Record<string, string>>
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** `a=1,b=2`, percent-encoded. */
const pairs = (text: string | undefined, variable: string): Record<string, string> =>
  Object.fromEntries((text ?? '').split(',').map((pair) => pair.trim()).filter(Boolean).map((pair) => {
    const at = pair.indexOf('=')
    // what stands there may be a secret
    if (at < 1) throw new Error(`${variable} is no list of name=value, with commas between`)
    return [pair.slice(0, at).trim(), decode(pair.slice(at + 1).trim())]
  }))

const urlOf = (env: Environment): string => {
  const own = readText(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
  const variable = own ? 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT' : 'OTEL_EXPORTER_OTLP_ENDPOINT'
  const text = own || readText(env, variable) || ''
  if (!URL.canParse(text) || !/^https?:/.test(text)) throw new Error(`${variable} is no http URL, such as http://localhost:4318`)
  return own ? text : `${text.replace(/\/$/, '')}/v1/traces`
}

/** Whether anybody has asked for spans. */
export const isAskedFor = (env: Environment): boolean =>
  Boolean(readText(env, 'OTEL_EXPORTER_OTLP_ENDPOINT') || readText(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'))
  && readText(env, 'OTEL_SDK_DISABLED')?.toLowerCase() !== 'true' && readText(env, 'OTEL_TRACES_EXPORTER') !== 'none'

/** Throws for what is wrong with them. */
export const readSettings = (env: Environment, project: string, release: string | undefined): Settings => {
  const read = (name: string): string | undefined =>
    readText(env, `OTEL_EXPORTER_OTLP_TRACES_${name}`) || readText(env, `OTEL_EXPORTER_OTLP_${name}`) || undefined
  const protocol = read('PROTOCOL')
  if (protocol === 'grpc') throw new Error('OTEL_EXPORTER_OTLP_PROTOCOL is grpc: spans are sent over HTTP, which collectors take on port 4318')
  const [timeoutMs, delayMs] = [Number(read('TIMEOUT') ?? 10_000), Number(readText(env, 'OTEL_BSP_SCHEDULE_DELAY') || 2000)]
  if (!(timeoutMs > 0)) throw new Error('OTEL_EXPORTER_OTLP_TIMEOUT is no number of milliseconds')
  if (!(delayMs > 0)) throw new Error('OTEL_BSP_SCHEDULE_DELAY is no number of milliseconds')
  const headers = pairs(read('HEADERS'), 'OTEL_EXPORTER_OTLP_HEADERS')
  for (const value of Object.values(headers)) keepSecret(value)
  const name = readText(env, 'OTEL_SERVICE_NAME')
  return {
    url: urlOf(env), headers, timeoutMs, delayMs,
    resource: {
      'service.name': project, ...(release !== undefined && { 'service.version': release }), 'service.instance.id': crypto.randomUUID(),
      ...pairs(readText(env, 'OTEL_RESOURCE_ATTRIBUTES'), 'OTEL_RESOURCE_ATTRIBUTES'), ...(name && { 'service.name': name }),
      'telemetry.sdk.name': 'unitgraph', 'telemetry.sdk.language': 'webjs',
    },
  }
}
