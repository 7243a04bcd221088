// The official client of the Model Context Protocol against the application, wherever it runs, at MCP_URL. Run by Bun.
import { afterAll, describe, expect, test } from 'bun:test'
import { Client, StreamableHTTPClientTransport, type ClientOptions } from '@modelcontextprotocol/client'

const { MCP_URL = '', MCP_OTHER_URL = MCP_URL, TOKEN_ADA = '', TOKEN_MEL = '' } = process.env

const open: Client[] = []
afterAll(async () => { await Promise.all(open.map((client) => client.close())) })

type Era = '2025' | '2026'

/** A client who says who it is by a token; `statuses` are those of what it posted, in order: it may ask for a stream beside them. */
const connect = async (era: Era, token?: string, options: ClientOptions = {}, address = MCP_URL) => {
  const statuses: number[] = []
  const transport = new StreamableHTTPClientTransport(new URL(address), {
    requestInit: { headers: { connection: 'close', ...(token && { authorization: `Bearer ${token}` }) } },
    fetch: async (url, init) => {
      const response = await fetch(url, init)
      if (init?.method === 'POST') statuses.push(response.status)
      return response
    },
  })
  const mode = era === '2025' ? 'legacy' as const : { pin: '2026-07-28' }
  const client = new Client({ name: 'conformance', version: '1' }, { versionNegotiation: { mode }, ...options })
  await client.connect(transport)
  open.push(client)
  return { client, statuses }
}

const told = (result: any): unknown => JSON.parse(result.content[0].text)

describe.each(['2025', '2026'] as Era[])('in the protocol of %s', (era) => {
  test('says who it is and what it can', async () => {
    const { client } = await connect(era)
    expect(client.getServerVersion()).toMatchObject({ name: 'conformance' })
    expect(client.getServerCapabilities()).toMatchObject({ tools: {}, prompts: {}, resources: { subscribe: era === '2026' } })
  })

  test('lists every tool that can be called from outside, whoever asks', async () => {
    const { tools } = await (await connect(era)).client.listTools()
    expect(tools.map(({ name }) => name).sort()).toEqual([
      'addUp', 'ask', 'content', 'progress', 'staff', 'toolFail', 'toolKinds', 'toolMe', 'toolOwned', 'toolSchema', 'touch', 'wait',
    ])
  })

  test('tells titles, descriptions, hints, and schemas of types and of libraries', async () => {
    const { tools } = await (await connect(era)).client.listTools()
    const named = Object.fromEntries(tools.map((tool) => [tool.name, tool]))
    expect(named['addUp']).toMatchObject({
      title: 'Add up', description: 'The sum of numbers.',
      inputSchema: {
        type: 'object', required: ['numbers'],
        properties: { numbers: { type: 'array', items: { type: 'number' } }, note: { type: 'string' } },
      },
      outputSchema: { type: 'object', required: ['sum'], properties: { sum: { type: 'number' } } },
    })
    expect(named['toolSchema']).toMatchObject({
      inputSchema: { type: 'object', required: ['word'], properties: { word: { description: 'The magic word.' } } },
      outputSchema: { type: 'object', properties: { said: { type: 'string' } } },
    })
    expect(named['content']).toMatchObject({ title: 'Greeting', annotations: { readOnlyHint: true } })
    expect(named['content']?.outputSchema).toBeUndefined()
    expect(named['toolMe']?.inputSchema).toEqual({ type: 'object' })
  })

  test('a call: data, text and structured content, as the output schema says', async () => {
    const { client } = await connect(era)
    await client.listTools()
    const result = await client.callTool({ name: 'addUp', arguments: { numbers: [1, 2, 3.5], note: 'é' } })
    expect(result.structuredContent).toEqual({ sum: 6.5, note: 'é' })
    expect(told(result)).toEqual({ sum: 6.5, note: 'é' })
  })

  test('dates and big numbers are texts on both ways', async () => {
    const { client } = await connect(era)
    await client.listTools()
    const { structuredContent } = await client.callTool({ name: 'toolKinds', arguments: { at: '2026-01-02T03:04:05.006Z' } })
    expect(structuredContent).toEqual({ at: '2026-01-02T03:04:05.006Z', many: '12345678901234567890', next: '2026-01-02T03:04:05.007Z' })
  })

  test('content of its own', async () => {
    const { content } = await (await connect(era)).client.callTool({ name: 'content', arguments: { name: 'Ada' } })
    expect(content).toEqual([{ type: 'text', text: 'Hello, Ada' }, { type: 'image', data: 'AQID+g==', mimeType: 'image/png' }])
  })

  test('data that the schema refuses is a result that says why', async () => {
    const { client } = await connect(era)
    const ofTypes = await client.callTool({ name: 'addUp', arguments: { numbers: ['one'] } })
    expect(ofTypes.isError).toBe(true)
    expect(told(ofTypes)).toMatchObject({ code: 'bad-request', issues: [{ path: ['numbers', 0] }] })
    const ofLibrary = await client.callTool({ name: 'toolSchema', arguments: { word: 'xyzzy' } })
    expect(told(ofLibrary)).toEqual({ error: 'The input is not valid', code: 'bad-request', issues: [{ path: ['word'], message: 'Say plugh' }] })
  })

  test('an error of the function is a result; what nobody should see is an id', async () => {
    const { client } = await connect(era)
    const conflict = await client.callTool({ name: 'toolFail', arguments: { how: 'conflict' } })
    expect([conflict.isError, told(conflict)]).toEqual([true, { error: 'It is taken', code: 'conflict', data: { by: 'ada' } }])
    for (const how of ['secret', 'text']) {
      const unknown = await client.callTool({ name: 'toolFail', arguments: { how } })
      expect(told(unknown)).toEqual({ error: 'Internal server error', code: 'internal', id: expect.any(String) })
    }
  })

  test('sessions are those of HTTP: signing in is asked for by its status', async () => {
    const nobody = await connect(era)
    await expect(nobody.client.callTool({ name: 'toolMe', arguments: {} })).rejects.toThrow()
    expect(nobody.statuses.at(-1)).toBe(401)
    const ada = await connect(era, TOKEN_ADA)
    expect(told(await ada.client.callTool({ name: 'toolMe', arguments: {} }))).toEqual({ userId: 'ada', transport: 'mcp' })
    await expect(connect(era, 'rubbish')).rejects.toThrow()
  })

  test('permissions of the function and of the wiring hold', async () => {
    const { client } = await connect(era, TOKEN_ADA)
    expect(told(await client.callTool({ name: 'toolOwned', arguments: { userId: 'ada' } }))).toEqual({ of: 'ada' })
    expect(told(await client.callTool({ name: 'toolOwned', arguments: { userId: 'mel' } }))).toEqual({ error: 'Forbidden', code: 'forbidden' })
    expect(told(await client.callTool({ name: 'staff', arguments: {} }))).toEqual({ error: 'Forbidden', code: 'forbidden' })
    const staff = await (await connect(era, TOKEN_MEL)).client.callTool({ name: 'staff', arguments: {} })
    expect(staff.content).toEqual([{ type: 'text', text: 'for staff' }])
  })

  test('a tool that there isn\'t, or that is nobody\'s', async () => {
    const { client } = await connect(era)
    for (const name of ['nothing', 'toolHidden', 'constructor', '__proto__', 'page']) {
      await expect(client.callTool({ name, arguments: {} })).rejects.toMatchObject({ code: -32602 })
    }
  })

  test('progress comes while the function runs, and only to who wants it', async () => {
    const { client } = await connect(era)
    const seen: unknown[] = []
    const result = await client.callTool({ name: 'progress', arguments: { steps: 3 } }, { onprogress: (progress) => void seen.push(progress) })
    expect(seen).toEqual([1, 2, 3].map((progress) => ({ progress, total: 3, message: `step ${progress}` })))
    expect(result.content).toEqual([{ type: 'text', text: 'done' }])
    expect((await client.callTool({ name: 'progress', arguments: { steps: 3 } })).content).toEqual([{ type: 'text', text: 'done' }])
  })

  test('resources, templates of them, and what they hold', async () => {
    const { client } = await connect(era)
    expect((await client.listResources()).resources).toEqual([
      { uri: 'pages://diary', name: 'diary' },
      { uri: 'pages://index', name: 'index', title: 'Index', description: 'What there is.', mimeType: 'text/x-index' },
      { uri: 'pages://logo', name: 'logo', mimeType: 'image/x-logo', size: 4 },
    ])
    expect((await client.listResourceTemplates()).resourceTemplates).toEqual([{ uriTemplate: 'pages://{book}/{page}', name: 'page' }])
    expect((await client.readResource({ uri: 'pages://index' })).contents).toEqual([
      { uri: 'pages://index', mimeType: 'text/x-index', text: 'one, two' },
      { uri: 'pages://logo', mimeType: 'text/x-index', blob: 'AP8=' },
    ])
    expect((await client.readResource({ uri: 'pages://logo' })).contents).toEqual([
      { uri: 'pages://logo', mimeType: 'image/x-logo', blob: 'AAH+/w==' },
    ])
    const [read] = (await client.readResource({ uri: 'pages://war%20%26%20peace/7' })).contents as [{ text: string }]
    expect(JSON.parse(read.text)).toEqual({ book: 'war & peace', page: 7, uri: 'pages://war%20%26%20peace/7' })
  })

  test('a resource that there isn\'t, that isn\'t there, or whose address isn\'t valid', async () => {
    const { client } = await connect(era)
    for (const uri of ['pages://nothing', 'pages://a/b/c', 'pages://emma/10', 'pages://emma/x']) {
      await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32602 })
    }
  })

  test('a resource that needs a session', async () => {
    const nobody = await connect(era)
    await expect(nobody.client.readResource({ uri: 'pages://diary' })).rejects.toThrow()
    expect(nobody.statuses.at(-1)).toBe(401)
    const { contents } = await (await connect(era, TOKEN_ADA)).client.readResource({ uri: 'pages://diary' })
    expect(contents).toEqual([{ uri: 'pages://diary', mimeType: 'text/plain', text: 'of ada' }])
  })

  test('prompts, their arguments, which are texts, and their messages', async () => {
    const { client } = await connect(era)
    expect((await client.listPrompts()).prompts).toEqual([
      { name: 'staff-prompt', title: 'Staff', arguments: [] },
      { name: 'summarise', description: 'Says it in fewer words.', arguments: [{ name: 'text', required: true }, { name: 'words', required: false }] },
    ])
    expect((await client.getPrompt({ name: 'summarise', arguments: { text: 'Long', words: '3' } })).messages).toEqual([
      { role: 'assistant', content: { type: 'text', text: 'I use number 3' } }, { role: 'user', content: { type: 'text', text: 'Long' } },
    ])
    await expect(client.getPrompt({ name: 'summarise', arguments: {} })).rejects.toMatchObject({ code: -32602 })
    await expect(client.getPrompt({ name: 'nothing' })).rejects.toMatchObject({ code: -32602 })
    await expect(client.getPrompt({ name: 'staff-prompt' })).rejects.toMatchObject({ code: -32600 })
    const { messages } = await (await connect(era, TOKEN_MEL)).client.getPrompt({ name: 'staff-prompt' })
    expect(messages).toEqual([{ role: 'user', content: { type: 'text', text: 'For staff' } }])
  })

  test('who gives up a call ends the function', async () => {
    const { client } = await connect(era)
    const begun = Promise.withResolvers<void>()
    const aborting = new AbortController()
    const name = `${era} ${crypto.randomUUID()}`
    const call = client.callTool(
      { name: 'wait', arguments: { name } }, { signal: aborting.signal, onprogress: () => begun.resolve(), timeout: 60_000 },
    )
    await begun.promise
    aborting.abort()
    await expect(call).rejects.toThrow()
    console.log(JSON.stringify({ waited: name }))
  })
})

describe('questions to the person', () => {
  const asked: string[] = []
  const answering = async (answers: Record<string, unknown>) => {
    const { client } = await connect('2026', undefined, { capabilities: { elicitation: { form: {} } } })
    client.setRequestHandler('elicitation/create', async ({ params }: any) => {
      asked.push(params.message)
      return answers[params.message] as never
    })
    return client
  }
  test('are asked one after the other, and each answer counts', async () => {
    const client = await answering({ 'Delete it?': { action: 'accept', content: {} }, 'Why?': { action: 'accept', content: { why: 'old' } } })
    asked.length = 0
    expect((await client.callTool({ name: 'ask', arguments: { what: 'it' } })).content).toEqual([{ type: 'text', text: 'deleted it: old' }])
    expect(asked).toEqual(['Delete it?', 'Why?'])
  })
  test('may be declined', async () => {
    const client = await answering({ 'Delete it?': { action: 'decline' } })
    expect((await client.callTool({ name: 'ask', arguments: { what: 'it' } })).content).toEqual([{ type: 'text', text: 'kept: decline' }])
  })
  test('an answer that the question\'s schema refuses', async () => {
    const client = await answering({ 'Delete it?': { action: 'accept', content: {} }, 'Why?': { action: 'accept', content: { why: '' } } })
    const result = await client.callTool({ name: 'ask', arguments: { what: 'it' } })
    expect(told(result)).toEqual({ error: 'The answer is not valid', code: 'bad-request', issues: [{ path: ['why'], message: 'Say why' }] })
  })
  test.each(['2025', '2026'] as Era[])('aren\'t asked of who can\'t be asked, in %s', async (era) => {
    const { client } = await connect(era)
    expect((await client.callTool({ name: 'ask', arguments: { what: 'it' } })).content).toEqual([{ type: 'text', text: 'nobody can be asked' }])
  })
})

test('who listens to a resource hears of its changes, and of no other\'s', async () => {
  const { client } = await connect('2026')
  const { client: other } = await connect('2026', undefined, {}, MCP_OTHER_URL)
  const heard: string[] = []
  const two = Promise.withResolvers<void>()
  client.setNotificationHandler('notifications/resources/updated', ({ params }: any) => {
    heard.push(params.uri)
    if (heard.length === 2) two.resolve()
  })
  const subscription = await client.listen({ resourceSubscriptions: ['pages://index', 'pages://emma/1'] })
  for (const uri of ['pages://index', 'pages://logo', 'pages://emma/1']) await other.callTool({ name: 'touch', arguments: { uri } })
  await two.promise
  expect(heard).toEqual(['pages://index', 'pages://emma/1'])
  await subscription.close()
})
