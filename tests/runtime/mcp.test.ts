/** The MCP server beside its transport: who may come, what is found, what a library's schemas become, forged answers. */
import { describe, expect, test } from 'bun:test'
import { Client, StreamableHTTPClientTransport, type ClientOptions } from '@modelcontextprotocol/client'
import { z } from 'zod'
import { pikkuFunc, pikkuMCPToolFunc, pikkuSessionlessFunc } from '#pikku'
import { errands } from '../../unitgraph/runtime/errands.ts'
import { describe as describes } from '../../unitgraph/runtime/mcp/describe.ts'
import { mcp } from '../../unitgraph/runtime/mcp/index.ts'
import { createItems, type Item } from '../../unitgraph/runtime/mcp/items.ts'
import { mayCome } from '../../unitgraph/runtime/mcp/origin.ts'
import { promptResult, resourceResult, toolResult } from '../../unitgraph/runtime/mcp/results.ts'
import { mcpWire } from '../../unitgraph/runtime/mcp/wire.ts'
import { remote } from '../../unitgraph/runtime/remote.ts'
import { logged, RPC_SECRET, running, type Running } from './helpers.ts'

const env = { UNITGRAPH_RPC_SECRET: RPC_SECRET, LOG_LEVEL: 'silent' }

/** A gateway and a unit behind it, `tools` by name. */
const serving = (tools: Record<string, unknown>, more: Partial<Item> = {}, own: object = {}): { gateway: Running; behind: { down: boolean; asked: number } } => {
  const wirings = Object.fromEntries(Object.keys(tools).map((name) => [`mcp tool ${name}`, []]))
  const functions = Object.fromEntries(Object.entries(tools).map(([name, value]) => [name, { value }]))
  const unit = running({ unit: 'shop-b', functions, errands: errands({ wires: { mcp: mcpWire as never }, wirings, describe: describes }) }, env)
  const behind = { down: false, asked: 0 }
  const B = {
    fetch: (request: Request) => {
      behind.asked += 1
      return behind.down ? Promise.reject(new Error('nobody there')) : unit.fetch(request)
    },
  }
  const items = Object.keys(tools).map((name): Item => ({ kind: 'tool', name, function: name, ...more }))
  const gateway = running({
    unit: 'shop-mcp', functions: {}, parts: [mcp({ route: '/mcp', items })],
    remote: remote(Object.fromEntries(Object.keys(tools).map((name) => [name, { unit: 'shop-b', binding: 'B' }]))),
  }, { ...env, ...own, B })
  return { gateway, behind }
}

const connected = async (gateway: Running, options: ClientOptions = {}): Promise<Client> => {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } }, ...options })
  await client.connect(new StreamableHTTPClientTransport(new URL('https://shop.test/mcp'), {
    fetch: (url, init) => gateway.fetch(new Request(url, init as RequestInit)),
  }))
  return client
}

describe('a library\'s schemas', () => {
  const find = pikkuSessionlessFunc({
    input: z.object({ q: z.string().describe('What for'), page: z.number().int().default(1) }),
    output: z.object({ found: z.array(z.string()) }),
    func: async (_s, { q, page }) => ({ found: [`${q}${page}`] }),
  })
  test('are told by the function\'s unit, once for a while', async () => {
    const { gateway, behind } = serving({ find }, { asks: true })
    const client = await connected(gateway)
    const { tools: [tool] } = await client.listTools()
    expect(tool?.inputSchema).toMatchObject({
      type: 'object', required: ['q'], properties: { q: { type: 'string', description: 'What for' }, page: { type: 'integer', default: 1 } },
    })
    expect(tool?.outputSchema).toMatchObject({ type: 'object', required: ['found'] })
    await client.listTools(undefined, { cacheMode: 'reload' } as never)
    expect(behind.asked).toBe(1)
    expect((await client.callTool({ name: 'find', arguments: { q: 'a' } })).structuredContent).toEqual({ found: ['a1'] })
  })
  test('that aren\'t known now are known later, and the tool is there all the same', async () => {
    const { gateway, behind } = serving({ find }, { asks: true }, { LOG_LEVEL: 'warn' })
    const client = await connected(gateway)
    behind.down = true
    const lines = await logged(async () => {
      expect((await client.listTools()).tools).toMatchObject([{ name: 'find', inputSchema: { type: 'object' } }])
    })
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([['warn', 'What find takes isn\'t known']])
    behind.down = false
    expect((await (await connected(gateway)).listTools()).tools[0]?.inputSchema).toMatchObject({ required: ['q'] })
  })
})

test('a server whose every tool needs a session asks for one at once', async () => {
  const { gateway } = serving({ mine: pikkuFunc(async () => 1) }, { needsSession: true })
  const { status, response, body } = await gateway.ask('/mcp', { method: 'POST', json: { jsonrpc: '2.0', id: 1, method: 'tools/list' } })
  expect([status, response.headers.get('www-authenticate'), body.error.data]).toEqual([401, 'Bearer', { code: 'missing-session' }])
})

describe('answers to questions', () => {
  const sure = pikkuMCPToolFunc<{ what: string }>(async (_s, { what }, { mcp }) => {
    const { action } = await mcp.elicitInput!({ message: `Delete ${what}?` })
    return `${what}: ${action}`
  })
  const asked = (params: object) => ({
    method: 'POST', headers: { accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'sure' },
    json: {
      jsonrpc: '2.0', id: 1, method: 'tools/call',
      params: {
        name: 'sure', ...params,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
        },
      },
    },
  })
  test('are counted for the question that they were given to, and no other', async () => {
    const { gateway } = serving({ sure }, { returnsContent: true })
    const first = await gateway.ask('/mcp', asked({ arguments: { what: 'a' } }))
    const { requestState, inputRequests } = first.body.result
    expect(inputRequests.answer.params).toMatchObject({ message: 'Delete a?', requestedSchema: { type: 'object' } })
    const inputResponses = { answer: { action: 'accept', content: {} } }
    const yes = await gateway.ask('/mcp', asked({ arguments: { what: 'a' }, requestState, inputResponses }))
    expect(yes.body.result.content).toEqual([{ type: 'text', text: 'a: accept' }])
    const other = await gateway.ask('/mcp', asked({ arguments: { what: 'everything' }, requestState, inputResponses }))
    expect(other.body.result.inputRequests.answer.params.message).toBe('Delete everything?')
  })
  test.each([
    ['a state that is none', { requestState: '%%%' }],
    ['a state of another form', { requestState: btoa('{"kept":[{"asked":1,"answer":{"action":"accept"}}],"asked":"x"}') }],
    ['no state', {}],
  ])('%s is asked again', async (_name, more) => {
    const { gateway } = serving({ sure }, { returnsContent: true })
    const { body } = await gateway.ask('/mcp', asked({ arguments: { what: 'a' }, ...more, inputResponses: { answer: { action: 'accept' } } }))
    expect(body.result.inputRequests.answer.params.message).toBe('Delete a?')
  })
})

describe('who may come', () => {
  const from = (origin: string | undefined, url = 'http://127.0.0.1:3000/mcp', own: Record<string, string> = {}) =>
    mayCome(new Request(url, { headers: { host: new URL(url).host, ...(origin && { origin }) } }), own)
  test.each([
    [undefined, 'http://127.0.0.1:3000/mcp', true],
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3000/mcp', true],
    ['http://localhost:3000', 'http://localhost:3000/mcp', true],
    ['http://[::1]:3000', 'http://[::1]:3000/mcp', true],
    ['http://localhost:3000', 'http://127.0.0.1:3000/mcp', false],
    ['http://localhost:4000', 'http://localhost:3000/mcp', false],
    ['http://rebound.test:3000', 'http://rebound.test:3000/mcp', false],
    ['https://shop.test', 'https://shop.test/mcp', true],
    ['https://evil.test', 'https://shop.test/mcp', false],
    ['null', 'https://shop.test/mcp', false],
    ['not an origin', 'https://shop.test/mcp', false],
  ] as const)('%s to %s: %s', (origin, url, may) => { expect(from(origin, url)).toBe(may) })
  test('others, where they are named', () => {
    const own = { MCP_ALLOWED_ORIGINS: 'https://a.test, https://b.test' }
    expect([from('https://b.test', undefined, own), from('https://b.test.evil.test', undefined, own), from('https://c.test', undefined, own)]).toEqual([true, false, false])
    expect(from('https://c.test', undefined, { MCP_ALLOWED_ORIGINS: '*' })).toBe(true)
  })
})

describe('resources', () => {
  const named = (name: string): Item => ({ kind: 'resource', name, function: name })
  const items = createItems(['a://x', 'a://{id}', 'a://{id}/pages/{page}', 'a://list.all', 'a+b://{id}.json'].map(named))
  test.each([
    ['a://x', 'a://x', {}],
    ['a://y', 'a://{id}', { id: 'y' }],
    ['a://a%20b/pages/%2F1', 'a://{id}/pages/{page}', { id: 'a b', page: '/1' }],
    ['a://list.all', 'a://list.all', {}],
    ['a+b://z.json', 'a+b://{id}.json', { id: 'z' }],
    ['a+b://z0json', undefined, undefined],
    ['a://{id}', 'a://{id}', { id: '{id}' }],
    ['a://y/pages', undefined, undefined],
    ['A://x', undefined, undefined],
  ])('%s is %s', (uri, name, parts) => {
    const found = items.at(uri)
    expect([found?.[0].name, found?.[1]]).toEqual([name, parts] as never)
  })
})

describe('what functions return', () => {
  const item: Item = { kind: 'tool', name: 't', function: 't' }
  const own: Item = { ...item, returnsContent: true }
  test.each([
    ['nothing', undefined, item, { content: [] }],
    ['a text', 'x', item, { content: [{ type: 'text', text: 'x' }] }],
    ['null', null, item, { content: [{ type: 'text', text: 'null' }] }],
    ['a list is no content, unless that is what it returns', [{ type: 'text', text: 'x' }], item, { content: [{ type: 'text', text: '[{"type":"text","text":"x"}]' }] }],
    ['content', [{ type: 'text', text: 'x' }], own, { content: [{ type: 'text', text: 'x' }] }],
    ['a whole result', { content: [], isError: true }, own, { content: [], isError: true }],
    ['data where content might be', { n: 1n }, own, { content: [{ type: 'text', text: '{"n":"1"}' }], structuredContent: { n: '1' } }],
  ] as const)('of a tool: %s', (_name, value, of, result) => { expect(toolResult(value, of)).toEqual(result as never) })
  test.each([
    ['nothing', undefined, []],
    ['data', { a: 1 }, [{ uri: 'r:1', mimeType: 'application/json', text: '{"a":1}' }]],
    ['bytes', Uint8Array.of(255), [{ uri: 'r:1', mimeType: 'application/octet-stream', blob: '/w==' }]],
    ['contents', { contents: [{ text: 'x' }, { uri: 'r:2', text: 'y' }] }, [{ uri: 'r:1', text: 'x' }, { uri: 'r:2', text: 'y' }]],
  ] as const)('of a resource: %s', (_name, value, contents) => {
    expect(resourceResult(value, { ...own, kind: 'resource' }, 'r:1')).toEqual({ contents } as never)
  })
  test.each([
    ['a text', 'x', [{ role: 'user', content: { type: 'text', text: 'x' } }]],
    ['data', { a: 1 }, [{ role: 'user', content: { type: 'text', text: '{"a":1}' } }]],
    ['messages', { messages: [{ role: 'assistant', content: 'x' }] }, [{ role: 'assistant', content: { type: 'text', text: 'x' } }]],
  ] as const)('of a prompt: %s', (_name, value, messages) => {
    expect(promptResult(value, { ...own, kind: 'prompt' })).toEqual({ messages } as never)
  })
})
