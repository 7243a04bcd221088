/** What whoever looks after runs may ask, and who that is: with real runs, in a world whose clock is ours. */
import { describe, expect, test } from 'bun:test'
import { createAuth, checkToken } from '../../unitgraph/runtime/dashboard/auth.ts'
import { createDashboard, type Dashboard } from '../../unitgraph/runtime/dashboard/index.ts'
import { viewOf } from '../../unitgraph/runtime/dashboard/view.ts'
import { createRuns } from '../../unitgraph/runtime/workflow/runs.ts'
import { eventType } from '../../unitgraph/runtime/workflow/wire.ts'
import { createLab, type Code } from './workflow/lab.ts'

const TOKEN = 'a-token-that-nobody-guesses'
const HOST = 'http://desk.example'

const order: Code = async (workflow, { item }) => {
  const paid = await workflow.do('Pay/now', 'pay' as never, { item } as never, { retries: 1, retryDelay: '1s' })
  const both = await workflow.all('Ship', {
    box: async () => { await workflow.do('Pack', async () => 1n); return workflow.do('Pack', async () => new Map([['a', new Set([1])]])) },
    letter: async () => workflow.do('Child', 'print' as never, { item } as never),
  })
  const decision = await workflow.approval('Manager', { timeout: '1h' })
  const back = await workflow.waitForEvent('Parcel', 'parcel.back')
  return { paid, both: Object.keys(both), decision, back }
}
const print: Code = async (workflow) => workflow.do('Print', async () => 'printed')

/** A run of `order` that waits for its manager, and the desk before it. */
const desk = async (ids: readonly string[] = ['r1']) => {
  let fails = true
  const lab = createLab({
    workflows: { order, print },
    steps: { pay: () => { if (fails) { fails = false; throw new Error('<b>no money</b>') } return { ok: true } } },
  })
  lab.spawn('one')
  const ending = new AbortController()
  const runs = createRuns(lab.store, new Map([['order', 'v1'], ['print', 'v2']]), {
    started: () => undefined, delivered: () => undefined, cancelled: () => undefined,
  })
  const graphOf = async (name: string) => (name === 'order' ? { nodes: { a: 'pay' }, edges: [{ from: 'a', to: 'a' }] } : undefined)
  const dashboard = createDashboard(TOKEN, 'shop', { runs, workflows: new Map([['order', 'v1'], ['print', 'v2']]), graphOf, signal: ending.signal })
  for (const id of ids) {
    await lab.start('order', { item: `item of ${id}` }, id)
    await lab.until(async () => (await lab.run(id)).journal.some(({ kind }) => kind === 'approval'))
    await lab.pass(10)
  }
  return { lab, dashboard, ending, ask: asking(dashboard) }
}

const asking = (dashboard: Dashboard) => async (method: string, path: string, body?: unknown, headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }) => {
  const request = new Request(`${HOST}/__unitgraph/${path}`, { method, headers, ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }) })
  const response = await dashboard(request, new URL(request.url).pathname, { ip: '10.0.0.1', requestId: 'q1' })
  if (!response) return { status: 0, said: undefined as any, headers: new Headers() }
  const text = response.headers.get('content-type')?.startsWith('application/json') ? await response.text() : ''
  return { status: response.status, said: text ? JSON.parse(text) : undefined, headers: response.headers }
}

describe('one run', () => {
  test('is told step by step: scopes, attempts, values, children, waits', async () => {
    const { ask } = await desk()
    const { status, said } = await ask('GET', 'runs/r1')
    expect(status).toBe(200)
    expect([said.status, said.workflow, said.input.text]).toEqual(['waiting', 'order', '{\n  "item": "item of r1"\n}'])
    const step = (name: string, nth = 1) => said.steps.find((one: any) => one.name === name && one.nth === nth)
    expect(step('Pay/now')).toMatchObject({ scopes: [], kind: 'rpc', target: 'pay', status: 'completed', forkAfter: 0, value: { text: '{\n  "ok": true\n}' } })
    expect(step('Pay/now').attempts.map(({ attempt, error }: any) => [attempt, error?.message])).toEqual([[1, '<b>no money</b>'], [2, undefined]])
    expect(step('Pack')).toMatchObject({ scopes: ['Ship', 'box'], value: { text: '"1n"' } })
    expect(JSON.parse(step('Pack', 2).value.text)).toEqual({ map: [['a', { set: [1] }]] })
    expect(step('Child')).toMatchObject({ scopes: ['Ship', 'letter'], kind: 'child', target: 'print', value: { text: '"printed"' } })
    expect((await ask('GET', `runs/${encodeURIComponent(step('Child').child)}`)).said).toMatchObject({ workflow: 'print', parent: 'r1', status: 'completed' })
    expect(step('Manager')).toMatchObject({ status: 'waiting', kind: 'approval' })
    expect(Date.parse(step('Manager').until) - Date.parse(step('Manager').startedAt)).toBe(3_600_000)
  })

  test('has no secret field in it, and its code has them all', async () => {
    const seen: unknown[] = []
    const hidden = {
      outer: { input: [['password'], ['cards', '*', 'number']], output: [['token']] },
      check: { input: [['key']], output: [['**', 'pin']] }, inner: { input: [[]], output: [['token']] }, undo: { input: [['key']], output: [[]] },
    }
    const lab = createLab({
      hidden,
      workflows: {
        outer: async (workflow, data) => {
          const checked = await workflow.do('Check', 'check' as never, { key: data.password } as never, { compensate: 'undo' as never }) as any
          const child = await workflow.do('Inner', 'inner' as never, data.cards as never) as any
          if (data.fails) await workflow.cancel()
          return { token: `${checked.pin} ${checked.inner[0].pin} ${child.token}`, open: true }
        },
        inner: async (_workflow, cards) => ({ token: cards[0].number }),
      },
      steps: { check: (data) => { seen.push(data); return { pin: 's3cret-1', inner: [{ pin: 's3cret-2' }] } }, undo: (data) => { seen.push(data); return 's3cret-3' } },
    })
    lab.spawn('one')
    const input = { password: 's3cret-0', cards: [{ number: 's3cret-4', name: 'A' }], fails: false }
    await lab.start('outer', input, 'o')
    expect((await lab.ended('o')).output).toEqual({ token: 's3cret-1 s3cret-2 s3cret-4', open: true })
    await lab.start('outer', { ...input, fails: true }, 'f')
    expect((await lab.ended('f')).status).toBe('cancelled')
    expect(seen).toEqual([{ key: 's3cret-0' }, { key: 's3cret-0' }, { key: 's3cret-0' }])
    const views = await Promise.all(['o', 'f'].map(async (id) => viewOf(await lab.run(id))))
    const inner = views[0]!.steps.find(({ name }) => name === 'Inner')!
    const said = JSON.stringify([...views, await viewOf(await lab.run(inner.child!))])
    expect(said).not.toContain('s3cret')
    expect(views.map(({ steps }) => steps.map(({ input, value }) => [input?.text, value?.text].map((text) => text && JSON.parse(text))))).toEqual([false, true].map((fails) => [
      [{ key: '[secret]' }, { pin: '[secret]', inner: [{ pin: '[secret]' }] }], ['[secret]', { token: '[secret]' }],
      ...(fails ? [[{ key: '[secret]' }, '[secret]']] : []),
    ]))
    expect(JSON.parse(views[0]!.input.text)).toEqual({ password: '[secret]', cards: [{ number: '[secret]', name: 'A' }], fails: false })
    expect(JSON.parse(views[0]!.output!.text)).toEqual({ token: '[secret]', open: true })
  })

  test('a child that is under way is seen in its parent', async () => {
    const lab = createLab({ workflows: { outer: async (workflow) => workflow.do('Inner', 'inner' as never, {} as never), inner: async (workflow) => workflow.sleep('Long', '1h') } })
    lab.spawn('one')
    await lab.start('outer', {}, 'o')
    await lab.pass(60_000)
    const [step, ...more] = (await viewOf(await lab.run('o'))).steps
    expect([step!.status, step!.kind, more.length]).toEqual(['running', 'child', 0])
    expect((await lab.run(step!.child!)).head.status).toBe('waiting')
    const { run } = await lab.ended('o')
    const [done] = (await viewOf(run)).steps
    expect(done!.endedAt!.getTime() - done!.startedAt.getTime() >= 3_600_000).toBe(true)
  })

  test('its journal is told as the store has it', async () => {
    const { ask, lab } = await desk()
    expect((await ask('GET', 'runs/r1/journal')).said).toEqual(JSON.parse(JSON.stringify(await lab.run('r1'))))
  })

  test('long values are cut, and said to be', async () => {
    const { ask, lab } = await desk([])
    await lab.start('print', 'so long! '.repeat(5000), 'long')
    const { input } = (await ask('GET', 'runs/long')).said
    expect([input.text.length, input.of]).toEqual([20_000, 45_002])
  })

  test('each change is an event, and its end the last', async () => {
    const { lab, dashboard } = await desk()
    const request = new Request(`${HOST}/__unitgraph/runs/r1/events`, { headers: { authorization: `Bearer ${TOKEN}` } })
    const response = await dashboard(request, '/__unitgraph/runs/r1/events', { requestId: 'q' })
    const reader = response!.body!.pipeThrough(new TextDecoderStream()).getReader()
    const next = async () => (await reader.read()).value ?? ''
    const view = (text: string) => JSON.parse(text.replace(/^data: /, ''))
    expect(view(await next()).status).toBe('waiting')
    await lab.deliver('r1', 'approval Manager', { approved: true }, 'approval Manager', 'Manager')
    await lab.deliver('r1', eventType('parcel.back'), 5)
    await lab.ended('r1')
    const ended = view(await next())
    expect([ended.status, JSON.parse(ended.output.text)]).toEqual(['completed', { paid: { ok: true }, both: ['box', 'letter'], decision: { approved: true }, back: 5 }])
    expect(await next()).toBe('event: end\ndata: \n\n')
    expect((await reader.read()).done).toBe(true)
  })

  test('who follows one is let go when the process ends', async () => {
    const { dashboard, ending } = await desk()
    const request = new Request(`${HOST}/__unitgraph/runs/r1/events`, { headers: { authorization: `Bearer ${TOKEN}` } })
    const reader = (await dashboard(request, '/__unitgraph/runs/r1/events', { requestId: 'q' }))!.body!.getReader()
    await reader.read()
    ending.abort()
    expect((await reader.read()).done).toBe(true)
  })
})

describe('the list', () => {
  test.each([
    ['', ['c:1/é', 'b', 'a']], ['name=order', ['c:1/é', 'b', 'a']], ['name=print', []], ['status=waiting', ['c:1/é', 'b', 'a']], ['status=failed', []],
    ['text=ITEM of B', ['b']], ['text=%25', []], ['limit=1&name=order', ['c:1/é']], ['since=2030-01-01T00:00:00Z', []], ['since=1', ['c:1/é', 'b', 'a']],
  ])('%j', async (query, expected) => {
    const { ask } = await desk(['a', 'b', 'c:1/é'])
    const { said } = await ask('GET', `runs?${query}`)
    expect(said.runs.filter(({ workflow }: any) => workflow === 'order').map(({ id }: any) => id)).toEqual(query.includes('print') ? [] : expected)
  })

  test('goes on where it stopped', async () => {
    const { ask } = await desk(['a', 'b', 'c'])
    const ids: string[] = []
    let next: string | null = null
    do {
      const { said } = await ask('GET', `runs?name=order&limit=2${next ? `&before=${encodeURIComponent(next)}` : ''}`)
      ids.push(...said.runs.map(({ id }: any) => id))
      next = said.next
    } while (next)
    expect(ids).toEqual(['c', 'b', 'a'])
  })

  test.each(['status=lost', 'limit=0', 'limit=1e9', 'limit=x', 'since=soon', 'before=x', `text=${'x'.repeat(201)}`])('%s can not be meant', async (query) => {
    const { ask } = await desk([])
    expect((await ask('GET', `runs?${query}`)).status).toBe(400)
  })
})

describe('what is done to a run', () => {
  test('a decision holds, and who comes second is told of it', async () => {
    const { ask, lab } = await desk()
    expect((await ask('POST', 'runs/r1/approve', { approved: false, reason: 'no' })).said).toEqual({ step: 'Manager', approved: false })
    expect((await ask('POST', 'runs/r1/approve', { approved: true })).said).toMatchObject({ code: 'conflict', data: { approved: false, reason: 'no', by: 'dashboard' } })
    expect((await lab.run('r1')).inbox.find(({ type }) => type === 'approval Manager')).toMatchObject({ by: 'dashboard' })
  })

  test('an event, once', async () => {
    const { ask } = await desk()
    expect((await ask('POST', 'runs/r1/event', { event: 'parcel.back', id: '1', data: { x: 1 } })).said).toEqual({ event: 'parcel.back', isDuplicate: false })
    expect((await ask('POST', 'runs/r1/event', { event: 'parcel.back', id: '1' })).said).toEqual({ event: 'parcel.back', isDuplicate: true })
  })

  test('its end, which comes once', async () => {
    const { ask, lab } = await desk()
    expect((await ask('POST', 'runs/r1/cancel', { reason: 'enough' })).status).toBe(200)
    expect(await lab.ended('r1')).toMatchObject({ status: 'cancelled', run: { head: { reason: 'enough' } } })
    expect((await ask('POST', 'runs/r1/cancel')).status).toBe(409)
    expect((await ask('POST', 'runs/r1/approve', { approved: true })).status).toBe(409)
  })

  test('only what is paused is resumed', async () => {
    const { ask, lab } = await desk()
    expect((await ask('POST', 'runs/r1/resume')).status).toBe(409)
    const started = await lab.store.start({ id: 'p', name: 'print', version: '1', input: '{"v":1}' }, { worker: 'w', ttlMs: 1000 })
    if (started.is !== 'started') throw new Error('It was there')
    await lab.store.append({ id: 'p', epoch: started.run.head.epoch, fromSeq: 0, entries: [], change: { status: 'paused', reason: 'of its code' } })
    expect((await ask('GET', 'runs/p')).said).toMatchObject({ status: 'paused', reason: 'of its code' })
    expect((await ask('POST', 'runs/p/resume')).said).toEqual({ id: 'p', status: 'waiting' })
    lab.spawn('two')
    expect((await lab.ended('p')).output).toBe('printed')
  })

  test('a fork keeps what was before a step, and does it again', async () => {
    const { ask, lab } = await desk()
    const { said } = await ask('POST', 'runs/r1/fork', { step: 'Manager', as: 'again' })
    expect(said).toEqual({ id: 'again', status: 'ready' })
    expect((await lab.run('again')).journal.some(({ key }) => key === 'Manager')).toBe(false)
    await lab.pass(10)
    await lab.until(async () => (await lab.run('again')).journal.some(({ key }) => key === 'Manager'))
    expect(lab.done('Pay/now').map(({ run }) => run)).toEqual(['r1', 'r1'])
    expect((await ask('POST', 'runs/r1/fork', { as: 'again' })).status).toBe(409)
    expect((await ask('POST', 'runs/r1/fork', {})).said.id).toMatch(/^r1\.fork-[0-9a-f]{8}$/)
  })

  test.each([
    ['runs/r1/approve', {}], ['runs/r1/approve', []], ['runs/r1/approve', '{'], ['runs/r1/event', {}], ['runs/r1/cancel', { reason: 1 }],
    ['runs/r1/fork', { after: -1 }], ['runs/r1/fork', { as: '' }], ['runs/r1/fork', '{"__proto__":{}}'],
  ])('%s %j can not be meant', async (path, body) => {
    const { ask } = await desk()
    expect((await ask('POST', path, body)).status).toBe(400)
  })

  test.each([
    ['GET', 'runs/none', 404], ['POST', 'runs/none/cancel', 404], ['GET', 'runs/r1/nothing', 404], ['GET', 'runs/r1/cancel', 405], ['POST', 'runs/r1', 405],
    ['DELETE', 'runs', 405], ['GET', 'runs/%ff', 404], ['GET', 'runs/r1/events/more', 404], ['POST', 'runs/r1/constructor', 404], ['POST', 'runs/r1/fork', 404],
    ['GET', 'workflows/none', 404], ['GET', 'runsmore', 0], ['GET', 'other', 0],
  ])('%s %s is %d', async (method, path, status) => {
    const { ask } = await desk()
    expect((await ask(method, path, method === 'POST' ? { step: 'none' } : undefined)).status).toBe(status)
  })

  test('more than a megabyte is not read', async () => {
    const { ask } = await desk()
    expect((await ask('POST', 'runs/r1/event', { event: 'x', data: 'x'.repeat(1_100_000) })).status).toBe(413)
  })
})

test('the workflows, and the graph of one', async () => {
  const { ask } = await desk([])
  expect((await ask('GET', 'workflows')).said).toEqual({ workflows: [{ name: 'order', version: 'v1' }, { name: 'print', version: 'v2' }] })
  expect((await ask('GET', 'workflows/order')).said.graph.edges).toEqual([{ from: 'a', to: 'a' }])
  expect((await ask('GET', 'workflows/print')).said.graph).toBe(null)
})

describe('who may', () => {
  const own = { origin: HOST, 'content-type': 'application/json' }
  const signedIn = async (ask: Awaited<ReturnType<typeof desk>>['ask'], headers: Record<string, string> = own) => {
    const { status, headers: given } = await ask('POST', 'dashboard/session', { token: TOKEN }, headers)
    expect(status).toBe(204)
    return given.get('set-cookie')!
  }
  const pair = (cookie: string) => cookie.split(';')[0]!

  test('nobody without a token or a cookie', async () => {
    const { ask } = await desk()
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: `Basic ${TOKEN}` }, { cookie: 'unitgraph-shop=x.y' }, { cookie: `unitgraph-shop=${TOKEN}` }] as Record<string, string>[]) {
      for (const path of ['runs', 'runs/r1', 'runs/r1/journal', 'runs/r1/events', 'workflows']) expect((await ask('GET', path, undefined, headers)).status).toBe(401)
      expect((await ask('POST', 'runs/r1/cancel', {}, headers)).status).toBe(401)
    }
  })

  test('who has signed in, by a cookie that scripts and other sites do not have', async () => {
    const { ask } = await desk()
    const cookie = await signedIn(ask)
    expect(cookie).not.toContain(TOKEN)
    expect(cookie.replace(/=[^;]*/, '=')).toBe('unitgraph-shop=; Max-Age=43200; Path=/__unitgraph/; HttpOnly; SameSite=strict')
    expect((await ask('GET', 'runs', undefined, { cookie: pair(cookie) })).status).toBe(200)
    expect((await ask('POST', 'runs/r1/cancel', {}, { ...own, cookie: pair(cookie) })).status).toBe(200)
    expect(await signedIn(ask, { origin: 'https://desk.example' })).toContain('; Secure')
    const out = await ask('DELETE', 'dashboard/session', undefined, { ...own, cookie: pair(cookie) })
    expect([out.status, out.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')])
  })

  test('nobody from another site, with the cookie or to sign in', async () => {
    const { ask } = await desk()
    const cookie = pair(await signedIn(ask))
    for (const from of [{ origin: 'http://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site', origin: HOST }] as Record<string, string>[]) {
      expect((await ask('POST', 'runs/r1/cancel', {}, { ...from, cookie })).status).toBe(403)
      expect((await ask('POST', 'dashboard/session', { token: TOKEN }, from)).status).toBe(403)
    }
  })

  test('a cookie ends, and so do all of another token', async () => {
    let now = 1_000
    const request = (headers: Record<string, string>) => new Request(`${HOST}/__unitgraph/runs`, { headers })
    const sign = (auth: ReturnType<typeof createAuth>) => auth.session(new Request(`${HOST}/`, { method: 'POST', body: JSON.stringify({ token: TOKEN }) }), 'a')
    const auth = createAuth(TOKEN, 'c', () => now)
    const cookie = pair((await sign(auth)).headers.get('set-cookie')!)
    await auth.check(request({ cookie }), 'a')
    await expect(createAuth(`${TOKEN}!`, 'c', () => now).check(request({ cookie }), 'a')).rejects.toThrow('Sign in')
    now += 12 * 3_600_000
    await expect(auth.check(request({ cookie }), 'a')).rejects.toThrow('Sign in')
  })

  test('whoever guesses waits, for a minute, and others don\'t', async () => {
    let now = 1_000
    const auth = createAuth(TOKEN, 'c', () => now)
    const attempt = (token: string, ip: string) => auth.check(new Request(HOST, { headers: { authorization: `Bearer ${token}` } }), ip).then(() => 200, ({ status }) => status)
    for (let count = 0; count < 10; count += 1) expect(await attempt(`guess-${count}`, `2001:db8:0:1::${count}`)).toBe(401)
    expect(await attempt(TOKEN, '2001:db8:0:1::ff')).toBe(429)
    expect(await attempt('guess', '2001:db8:0:2::1')).toBe(401)
    now += 60_000
    expect(await attempt('guess', '2001:db8:0:1::ff')).toBe(401)
  })

  test('a token that could be guessed is none', () => {
    expect(() => checkToken('short')).toThrow('UNITGRAPH_DASHBOARD_TOKEN is too short')
    expect(() => checkToken('a token with spaces')).toThrow('UNITGRAPH_DASHBOARD_TOKEN is too short')
  })
})
