/**
 * A scripted model that speaks the HTTP protocols of OpenAI (chat completions) and Anthropic (messages), streaming and
 * not. What a user says names its script, "script:NAME …", else it is the one without a name; how many answers the model has given since then says which
 * turn comes next, so that it needs no memory but for turns that fail at first. Run by Bun: bun model.ts SCRIPTS.json
 */
import { readFileSync } from 'node:fs'

export interface Call {
  readonly name: string
  readonly args: unknown
  /** Default: `call-<turn>-<index>`. */
  readonly id?: string
}

/** What the model says once it is asked; the last turn is said for ever after. */
export interface Turn {
  readonly text?: string
  /** `args` as text goes out as it is. */
  readonly calls?: readonly Call[]
  /** Answers with this status so many times before it says what it says. */
  readonly fail?: { readonly status: number; readonly times: number; readonly body?: string }
  /** A body that is sent as it is. */
  readonly raw?: string
  /** Stays silent for so long first. */
  readonly waitMs?: number
  /** Repeats the text. */
  readonly repeat?: number
  /** Says with which messages and tools it was asked. */
  readonly echo?: boolean
  readonly finish?: string
}

export type Scripts = Readonly<Record<string, readonly Turn[]>>

interface Message {
  readonly role: string
  readonly content?: unknown
}

interface Asked {
  readonly model: string
  readonly stream?: boolean
  readonly system?: unknown
  readonly messages: readonly Message[]
}

export interface Model {
  readonly port: number
  /** Every request, in its order. */
  readonly asked: (Asked & { readonly key: string | null; readonly path: string; readonly script: string })[]
  stop(): Promise<void>
}

const textOf = (content: unknown): string =>
  typeof content === 'string' ? content : (content as { text?: string }[] | undefined ?? []).map(({ text }) => text ?? '').join('')

const isSaid = ({ role, content }: Message): boolean => role === 'user' && /script:/.test(textOf(content))

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }

const argsOf = ({ args }: Call): string => (typeof args === 'string' ? args : JSON.stringify(args))

const idOf = (call: Call, turn: number, index: number): string => call.id ?? `call-${turn}-${index}`

const chunks = (text: string): string[] => text.match(/.{1,4096}/gs) ?? []

const sse = (events: readonly unknown[], named = false): string =>
  events.map((data) => {
    const text = typeof data === 'string' ? data : JSON.stringify(data)
    return `${named ? `event: ${(data as { type: string }).type}\n` : ''}data: ${text}\n\n`
  }).join('')

const openai = (turn: Turn, number: number, text: string, { model, stream }: Asked): Response => {
  const calls = (turn.calls ?? []).map((call, index) => ({
    index, id: idOf(call, number, index), type: 'function', function: { name: call.name, arguments: argsOf(call) },
  }))
  const finish = turn.finish ?? (calls.length > 0 ? 'tool_calls' : 'stop')
  const head = { id: 'said-1', created: 1, model }
  if (!stream) {
    const message = { role: 'assistant', content: text || null, ...(calls.length > 0 && { tool_calls: calls }) }
    return Response.json({ ...head, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: finish }], usage })
  }
  const delta = (part: unknown, reason: string | null = null) =>
    ({ ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta: part, finish_reason: reason }] })
  const events: unknown[] = [delta({ role: 'assistant' }), ...chunks(text).map((content) => delta({ content }))]
  for (const call of calls) events.push(delta({ tool_calls: [call] }))
  events.push(delta({}, finish), { ...head, object: 'chat.completion.chunk', choices: [], usage }, '[DONE]')
  return new Response(sse(events), { headers: { 'content-type': 'text/event-stream' } })
}

const anthropic = (turn: Turn, number: number, text: string, { model, stream }: Asked): Response => {
  const content: Record<string, unknown>[] = text ? [{ type: 'text', text }] : []
  for (const [index, call] of (turn.calls ?? []).entries()) {
    content.push({ type: 'tool_use', id: idOf(call, number, index), name: call.name, input: call.args })
  }
  const reason = turn.calls?.length ? 'tool_use' : 'end_turn'
  const message = { id: 'said-1', type: 'message', role: 'assistant', model, stop_sequence: null }
  const counted = { input_tokens: 10, output_tokens: 5 }
  if (!stream) return Response.json({ ...message, content, stop_reason: reason, usage: counted })
  const events: unknown[] = [{ type: 'message_start', message: { ...message, content: [], stop_reason: null, usage: counted } }]
  for (const [index, block] of content.entries()) {
    const isText = block['type'] === 'text'
    events.push({ type: 'content_block_start', index, content_block: isText ? { type: 'text', text: '' } : { ...block, input: {} } })
    const delta = isText ? { type: 'text_delta', text: block['text'] } : { type: 'input_json_delta', partial_json: JSON.stringify(block['input']) }
    events.push({ type: 'content_block_delta', index, delta }, { type: 'content_block_stop', index })
  }
  events.push({ type: 'message_delta', delta: { stop_reason: reason, stop_sequence: null }, usage: counted }, { type: 'message_stop' })
  return new Response(sse(events, true), { headers: { 'content-type': 'text/event-stream' } })
}

export const startModel = (scripts: Scripts): Model => {
  const failed = new Map<string, number>()
  const asked: Model['asked'] = []
  const server = Bun.serve({
    port: 0, hostname: '127.0.0.1', idleTimeout: 60,
    fetch: async (request) => {
      const path = new URL(request.url).pathname
      if (request.method === 'GET' && path === '/asked') return Response.json(asked)
      const body = (await request.json()) as Asked
      const named = body.messages.findLastIndex(isSaid)
      const start = named >= 0 ? named : body.messages.findIndex(({ role }) => role === 'user')
      const name = /script:(\S+)/.exec(textOf(body.messages[start]?.content))?.[1] ?? ''
      asked.push({ ...body, key: request.headers.get('authorization') ?? request.headers.get('x-api-key'), path, script: name })
      const turns = Object.hasOwn(scripts, name) ? scripts[name] : undefined
      if (!turns) return Response.json({ error: { message: `no script ${name}` } }, { status: 400 })
      const number = body.messages.slice(start).filter(({ role }) => role === 'assistant').length
      const turn = turns[Math.min(number, turns.length - 1)] ?? {}
      const key = `${name} ${number}`
      const times = failed.get(key) ?? 0
      if (turn.fail && times < turn.fail.times) {
        failed.set(key, times + 1)
        return new Response(turn.fail.body ?? '{"error":{"message":"not now"}}', {
          status: turn.fail.status, headers: { 'content-type': 'application/json', 'retry-after-ms': '1' },
        })
      }
      if (turn.waitMs) await new Promise((resolve) => setTimeout(resolve, turn.waitMs))
      const isAnthropic = path.endsWith('/messages')
      if (turn.raw !== undefined) {
        return new Response(turn.raw, { headers: { 'content-type': body.stream ? 'text/event-stream' : 'application/json' } })
      }
      const text = turn.echo ? JSON.stringify(body) : (turn.text ?? '').repeat(turn.repeat ?? 1)
      return (isAnthropic ? anthropic : openai)(turn, number, text, body)
    },
  })
  return { port: server.port, asked, stop: () => server.stop(true) }
}

const [file] = process.argv.slice(2)
if (import.meta.main && file) {
  console.log(JSON.stringify({ port: startModel(JSON.parse(readFileSync(file, 'utf8')) as Scripts).port }))
}
