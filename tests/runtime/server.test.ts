import { afterAll, beforeAll, describe, expect, test } from 'bun:test'

const FIXTURE = `${import.meta.dir}/server.fixture.ts`
const SECRETS = { NEEDED: 'x', ALSO_NEEDED: 'y' }

interface Process {
  url: string
  lines: Record<string, any>[]
  /** Resolves with the first line, past or future, that has this in a field, by default as its message. */
  line(value: string, field?: string): Promise<Record<string, any>>
  kill(signal: 'SIGTERM' | 'SIGINT'): void
  exited: Promise<number>
}

/** Started on a free port, or ended before it could be. */
const start = async (env: Record<string, string> = SECRETS): Promise<Process> => {
  const child = Bun.spawn([process.execPath, FIXTURE], { env: { PORT: '0', HOST: '127.0.0.1', ...env }, stdout: 'pipe', stderr: 'pipe' })
  const lines: Record<string, any>[] = []
  const waiting: { field: string; value: string; resolve(line: Record<string, any>): void }[] = []
  const line = (value: string, field = 'msg') => {
    const found = lines.find((one) => one[field] === value)
    return found ? Promise.resolve(found) : new Promise<Record<string, any>>((resolve) => waiting.push({ field, value, resolve }))
  }
  const read = async (stream: ReadableStream<Uint8Array>) => {
    let rest = ''
    for await (const chunk of stream.pipeThrough(new TextDecoderStream() as any) as AsyncIterable<string>) {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop() ?? ''
      for (const part of parts) {
        const record = part.startsWith('{') ? JSON.parse(part) : { msg: part }
        lines.push(record)
        for (const { field, value, resolve } of waiting) if (record[field] === value) resolve(record)
      }
    }
  }
  const done = Promise.all([read(child.stdout), read(child.stderr)])
  const exited = child.exited.then(async (code) => { await done; return code })
  const listening = await Promise.race([line('listening'), exited.then(() => undefined)])
  return { url: `http://127.0.0.1:${listening?.port}`, lines, line, kill: (signal) => child.kill(signal), exited }
}

describe('a process with all units', () => {
  let app: Process
  beforeAll(async () => { app = await start() })
  afterAll(async () => { app.kill('SIGTERM'); await app.exited })
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(app.url + path, init)
    return { status: response.status, text: await response.text(), headers: response.headers }
  }

  test('routes to the unit that is meant, loads it once, and calls others in process', async () => {
    const answers = await Promise.all([1, 2, 3].map((id) => ask(`/books/${id}`)))
    expect(JSON.parse(answers[2]!.text)).toEqual({ id: '3', built: 1, price: 5 })
    await app.line('loaded books')
    expect(app.lines.filter((line) => line.msg === 'loaded books').length).toBe(1)
    expect((await ask('/books/featured')).text).toBe('"featured"')
  })
  test.each<[string, string, number, string | null]>([
    ['HEAD', '/books/1', 200, null], ['POST', '/books/1', 401, null], ['PUT', '/books/1', 405, 'GET, POST, HEAD, OPTIONS'],
    ['GET', '/nowhere', 404, null], ['GET', '/broken', 500, null], ['POST', '/rpc/price', 200, null], ['GET', '/rpc/price', 405, 'POST, OPTIONS'],
    ['POST', '/rpc/slow', 404, null], ['POST', '/__unitgraph/rpc/price', 404, null],
  ])('%s %s → %d', async (method, path, status, allow) => {
    const got = await ask(path, { method })
    expect([got.status, got.headers.get('allow')]).toEqual([status, allow])
    expect(got.headers.get('x-request-id')).toBeTruthy()
  })
  test('a preflight goes to the unit with the method that it asks about', async () => {
    const { status, headers } = await ask('/books/1', { method: 'OPTIONS', headers: { origin: 'https://a.test', 'access-control-request-method': 'GET' } })
    expect([status, headers.get('access-control-allow-origin')]).toEqual([204, '*'])
  })
  test('health', async () => {
    expect(JSON.parse((await ask('/health')).text)).toEqual({ status: 'ok', project: 'shop', release: 'r7' })
  })
  test('a line a request', async () => {
    await ask('/books/featured', { headers: { 'x-request-id': 'line-1' } })
    expect(await app.line('line-1', 'requestId')).toMatchObject({ msg: 'request', method: 'GET', path: '/books/featured', status: 200, unit: 'shop-featured' })
  })
  test('a client that leaves a stream of events is noticed', async () => {
    const leave = new AbortController()
    const response = await fetch(`${app.url}/events`, { headers: { accept: 'text/event-stream' }, signal: leave.signal })
    const reader = response.body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: "first"\n\n')
    leave.abort()
    await app.line('client gone')
  })
  test('a rejection that nobody handles is logged, and the process lives', async () => {
    expect((await ask('/reject')).status).toBe(204)
    expect(await app.line('nobody caught me')).toMatchObject({ level: 'error', code: 'unhandled-rejection' })
    expect((await ask('/health')).status).toBe(200)
  })
})

describe('the end', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s: what is under way ends well, then services close', async (signal) => {
    const app = await start()
    const answer = fetch(`${app.url}/slow?ms=300`)
    await app.line('slow began')
    app.kill(signal)
    await app.line('stopping')
    app.kill(signal)
    expect(await (await answer).text()).toBe('"slow"')
    expect(await app.exited).toBe(0)
    const order = app.lines.map((line) => line.msg).filter((msg) => ['stopping', 'request', 'counter closed', 'stopped'].includes(msg))
    expect(order).toEqual(['stopping', 'request', 'counter closed', 'stopped'])
    expect(app.lines.filter((line) => line.level === 'error')).toEqual([])
  })
  test('work that no answer waits for is waited for, and its failure logged', async () => {
    const app = await start()
    expect((await fetch(`${app.url}/later`)).status).toBe(204)
    app.kill('SIGTERM')
    expect(await app.exited).toBe(0)
    const said = app.lines.map((line) => line.msg)
    expect(said.indexOf('later done')).toBeLessThan(said.indexOf('counter closed'))
    expect([said.includes('later failed'), said.includes('later done')]).toEqual([true, true])
  })
  test('new requests are refused meanwhile', async () => {
    const app = await start()
    const answer = fetch(`${app.url}/slow?ms=300`)
    await app.line('slow began')
    app.kill('SIGTERM')
    await app.line('stopping')
    expect(await fetch(`${app.url}/health`, { headers: { connection: 'close' } }).then(() => 'answered', () => 'refused')).toBe('refused')
    await answer
    expect(await app.exited).toBe(0)
  })
  test('a large answer to a slow client is sent to its end, and idle connections do not hold the process', async () => {
    const app = await start()
    await fetch(`${app.url}/health`)
    const response = await fetch(`${app.url}/large`)
    const reader = response.body!.getReader()
    let size = (await reader.read()).value!.length
    app.kill('SIGTERM')
    await app.line('stopping')
    for (let part = await reader.read(); !part.done; part = await reader.read()) size += part.value.length
    expect([size, await app.exited]).toEqual([30_000_000, 0])
  })
  test('what takes too long is ended', async () => {
    const app = await start({ ...SECRETS, UNITGRAPH_SHUTDOWN_TIMEOUT: '0' })
    const answer = fetch(`${app.url}/slow?ms=60000`).then(() => 'answered', () => 'ended')
    await app.line('slow began')
    app.kill('SIGTERM')
    expect([await answer, await app.exited]).toEqual(['ended', 0])
    await app.line('counter closed')
  })
})

describe('no start', () => {
  test('everything that is missing or wrong is said in one line', async () => {
    const app = await start({ PORT: 'abc', UNITGRAPH_SHUTDOWN_TIMEOUT: '-1' })
    expect(await app.exited).toBe(1)
    expect(app.lines.length).toBe(1)
    expect(app.lines[0]).toMatchObject({ level: 'error', code: 'not-started' })
    expect(app.lines[0]!['problems']).toEqual([
      'PORT is "abc", not a whole number from 0 to 65535', 'UNITGRAPH_SHUTDOWN_TIMEOUT is "-1", not a whole number from 0 to 3600',
      'the secret NEEDED is not set', 'the secret ALSO_NEEDED is not set',
    ])
  })
  test('services that can not be built', async () => {
    const app = await start({ ...SECRETS, FAIL: '1' })
    expect([await app.exited, app.lines[0]?.['error'].message]).toEqual([1, 'no database'])
  })
})

test('a port that is taken', async () => {
  const taken = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  const app = await start({ ...SECRETS, PORT: String(taken.port) })
  expect(await app.exited).toBe(1)
  expect(app.lines[0]).toMatchObject({ code: 'not-started' })
  await taken.stop(true)
})
