"""The generated client passes the type checker where it is used rightly, and fails where it isn't."""

from collections.abc import Callable
from textwrap import dedent, indent

import pytest

from tests.typings.compile import RESOLUTIONS, Complaint, Workshop

HERE = "// here"

FUNCTIONS = """
    import * as z from 'zod'
    import {
      pikkuChannelConnectionFunc, pikkuChannelFunc, pikkuFunc, pikkuSessionlessFunc, pikkuVoidFunc, pikkuWorkflow, wireChannel, wireHTTP,
    } from '#pikku'

    export interface Visit { id: string; at: Date; size: bigint; tags: Set<string>; next?: Visit; ago(): number }

    export const visit = pikkuSessionlessFunc<{ id: string; since?: Date }, Visit>(async (_services, { id, since }) => ({
      id, at: since ?? new Date(), size: 1n, tags: new Set(), ago: () => 1,
    }))
    export const visits = pikkuSessionlessFunc({
      expose: true,
      input: z.object({ limit: z.coerce.number<string | number>().default(20), tag: z.array(z.string()).optional() }),
      output: z.object({ visits: z.array(z.object({ id: z.string(), at: z.string() })) }),
      func: async () => ({ visits: [] }),
    })
    export const forget = pikkuVoidFunc<{ id: string }>(async () => {})
    export const rename = pikkuFunc<{ name: string }, { renamed: true }>(async () => ({ renamed: true }))
    export const page = pikkuSessionlessFunc<void, Response>(async () => new Response('page'))
    export const picture = pikkuSessionlessFunc<void, Uint8Array>(async () => new Uint8Array(1))
    export const upload = pikkuFunc<{ title: string; picture: File }, { bytes: number }>(async () => ({ bytes: 1 }))
    export const count = pikkuSessionlessFunc<{ to: bigint }, { n: number; at: Date }>({
      expose: true, func: async () => ({ n: 1, at: new Date() }),
    })
    export const clean = pikkuWorkflow(async (_services, _data: { all: boolean }) => ({ done: true }))
    export const pair = pikkuSessionlessFunc<void, [Date, ...bigint[]]>({ expose: true, func: async (): Promise<[Date, ...bigint[]]> => [new Date()] })

    export interface EventHubTopics { moved: { to: Date } }
    export const opened = pikkuChannelConnectionFunc<{ hello: string }>(async () => ({ hello: 'x' }))
    export const watch = pikkuChannelFunc<{ id: string; since?: Date }, { watching: string; at: Date }>(async (_services, { id }) => ({ watching: id, at: new Date() }))
    export const leave = pikkuChannelFunc<void, void>(async () => {})
    export const say = pikkuChannelFunc<{ text: string }, { said: number }>(async () => ({ said: 1 }))
    wireChannel({
      name: 'live', route: '/live/:room', auth: false, onConnect: opened, onMessage: say,
      onMessageWiring: { action: { watch: { func: watch }, leave: { func: leave } } },
    })
    wireChannel({ name: 'plain', route: '/plain', auth: false, onMessageWiring: { action: { leave: { func: leave } } } })

    wireHTTP({ method: 'get', route: '/visits/:id', func: visit })
    wireHTTP({ method: 'get', route: '/visits', func: visits })
    wireHTTP({ method: 'delete', route: '/visits/:id', func: forget })
    wireHTTP({ method: 'patch', route: '/visits/:visit{[0-9]+}/:part?', func: rename })
    wireHTTP({ method: 'get', route: '/', func: page })
    wireHTTP({ method: 'get', route: '/pictures/*', func: picture })
    wireHTTP({ method: 'put', route: '/pictures', func: upload })
    wireHTTP({ method: 'get', route: '/count', func: count, sse: true })
    wireHTTP({ method: 'post', route: '/clean', func: clean })
    """

RIGHT = """
    import { ApiError, createClient, type Serialised } from '#pikku/client'
    import type { Visit } from '../src/functions.ts'

    const client = createClient({ url: 'http://localhost:3000', token: async () => 'x', retries: 2 })
    export const all = async (signal: AbortSignal, file: File) => {
      const visit = await client.get('/visits/:id', { id: '1', since: new Date() }, { signal })
      const same: Serialised<Visit> = visit
      const { at, size, next }: { at: string; size: string; next?: { at: string } | undefined } = same
      const { visits } = await client.get('/visits')
      const ids: string[] = visits.map((one) => one.id)
      await client.get('/visits', { limit: 3, tag: ['a'] })
      const nothing: undefined = await client.delete('/visits/:id', { id: '1' })
      const { renamed }: { renamed: true } = await client.patch('/visits/:visit{[0-9]+}/:part?', { visit: 1, name: 'x' })
      await client.patch('/visits/:visit{[0-9]+}/:part?', { visit: 1, part: 'x', name: 'x' })
      const html = await (await client.request('GET', '/')).text()
      const picture: Blob = await client.get('/pictures/*', { '*': 'a/b.png' })
      const { bytes } = await client.put('/pictures', { title: 'x', picture: file })
      for await (const { n } of client.events.get('/count', { to: 3n })) n.toFixed(bytes)
      const { runId }: { runId: string } = await client.post('/clean', { all: true })
      await client.post('/workflow/clean/start', { all: true })
      const { done }: { done: boolean } = await client.post('/workflow/clean/run', { all: true })
      const run = await client.get('/workflow/clean/status/:runId', { runId })
      const since: string = run.createdAt
      if (run.status === 'completed') return [run.output?.done, done, since]
      await client.post('/workflow/clean/approve/:runId', { runId, approved: true })
      for await (const { steps } of client.events.get('/workflow/clean/stream/:runId', { runId })) steps.map(({ step }) => step)
      const live = client.channel('/live/:room', { room: 'a' }, { attempts: 3 })
      const { watching, at: from }: { watching: string; at: string } = await live.call('action', 'watch', { id: '1', since: new Date() })
      const left: undefined = await live.call('action', 'leave')
      live.send('action', 'leave')
      live.sendMessage({ text: watching + from })
      const { said }: { said: number } = await live.callMessage({ text: 'x' }, { timeoutMs: 1000 })
      const stop = live.on('message', (message) => {
        if ('action' in message) message.at.trim()
        else if ('hello' in message) message.hello.trim()
        else if ('said' in message) message.said.toFixed(said)
        else message.to.trim()
      })
      for await (const message of live.messages()) if ('action' in message) break
      stop()
      live.close(4000, `${left}`)
      const counted = await client.rpc.invoke('count', { to: '3' })
      const when: string = counted.at
      const [first, ...rest]: [string, ...string[]] = await client.rpc.invoke('pair')
      await client.rpc.invoke('visits', undefined, { signal })
      return [at, size, next, ids, nothing, renamed, html, picture, runId, when, first, rest]
    }
    export const why = (error: unknown) =>
      error instanceof ApiError && error.code === 'bad-request' ? error.issues.map(({ path }) => path.join('.')) : error
    """

# Name → (the expected error, statements; the marked line is where the error must be).
WRONG = {
    "unknown-route": ("TS2345", "await client.get('/visit') // here"),
    "a-route-of-another-method": ("TS2345", "await client.post('/visits') // here"),
    "no-data": ("TS2554", "await client.get('/visits/:id') // here"),
    "no-part-of-the-path": ("TS2345", "await client.patch('/visits/:visit{[0-9]+}/:part?', { name: 'x' }) // here"),
    "wrong-part-of-the-path": ("TS2322", "await client.get('/visits/:id', { id: 1 }) // here"),
    "wrong-query": ("TS2322", "await client.get('/visits', { limit: [1] }) // here"),
    "unknown-query": ("TS2353", "await client.get('/visits', { limit: 1, page: 2 }) // here"),
    "wrong-body": ("TS2322", "await client.post('/clean', { all: 'yes' }) // here"),
    "no-wildcard": ("TS2554", "await client.get('/pictures/*') // here"),
    "unknown-output": ("TS2339", "(await client.get('/visits')).total // here"),
    "a-date-is-text": ("TS2339", "(await client.get('/visits/:id', { id: '1' })).at.getTime() // here"),
    "a-bigint-is-text": ("TS2322", "const { size }: { size: bigint } = await client.get('/visits/:id', { id: '1' }) // here"),
    "methods-are-gone": ("TS2339", "(await client.get('/visits/:id', { id: '1' })).ago() // here"),
    "a-set-is-empty": ("TS2722", "(await client.get('/visits/:id', { id: '1' })).tags.has('x') // here"),
    "no-events": ("TS2345", "for await (const _ of client.events.get('/visits')) break // here"),
    "wrong-event": ("TS2339", "for await (const { m } of client.events.get('/count', { to: 1n })) console.log(m) // here"),
    "not-exposed": ("TS2345", "await client.rpc.invoke('forget', { id: '1' }) // here"),
    "unknown-function": ("TS2345", "await client.rpc.invoke('visitz') // here"),
    "wrong-rpc-input": ("TS2322", "await client.rpc.invoke('count', { to: true }) // here"),
    "rpc-without-input": ("TS2554", "await client.rpc.invoke('count') // here"),
    "wrong-approval": ("TS2322", "await client.post('/workflow/clean/approve/:runId', { runId: 'x', approved: 1 }) // here"),
    "a-workflows-input": ("TS2322", "await client.post('/workflow/clean/start', { all: 1 }) // here"),
    "unknown-channel": ("TS2345", "client.channel('/life') // here"),
    "unknown-message": ("TS2345", "client.channel('/plain').send('action', 'watch') // here"),
    "unknown-property": ("TS2345", "client.channel('/plain').send('event', 'leave') // here"),
    "wrong-message": ("TS2322", "client.channel('/live/:room').send('action', 'watch', { id: 1 }) // here"),
    "no-message": ("TS2554", "client.channel('/live/:room').send('action', 'watch') // here"),
    "no-on-message": ("TS2345", "client.channel('/plain').sendMessage({ text: '' }) // here"),
    "wrong-answer": ("TS2339", "(await client.channel('/live/:room').call('action', 'watch', { id: '' })).seen // here"),
    "a-message-of-another-type": ("TS2339", "client.channel('/live/:room').on('message', (message) => message.seen) // here"),
    "unknown-option": ("TS2353", "createClient({ uri: 'x' }) // here"),
}  # fmt: skip


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_right_uses_pass_and_wrong_ones_fail_where_they_stand(
    workshop: Callable[[], Workshop], resolution: str
) -> None:
    head = "import {{ createClient }} from '#pikku/client'\nconst client = createClient()\nexport const {name} = async () => {{\n"
    files = {
        f"web/{name}.ts": f"{head.format(name=name.replace('-', '_'))}{indent(dedent(body).strip(), '  ')}\n}}\n"
        for name, (_, body) in WRONG.items()
    }
    project = workshop().small({"src/functions.ts": FUNCTIONS, "web/right.ts": RIGHT, **files})
    config = (project.root / "tsconfig.json").read_text().replace('["src"]', '["src", "web"]')
    config = config.replace('"DOM"', '"DOM", "DOM.AsyncIterable"')
    project.write({"tsconfig.json": config})
    expected = [Complaint(f"web/{name}.ts", _marked(files[f"web/{name}.ts"]), code) for name, (code, _) in WRONG.items()]
    assert project.generate().check(resolution=resolution) == sorted(expected)


def _marked(text: str) -> int:
    (line,) = [number for number, line in enumerate(text.splitlines(), 1) if line.endswith(HERE)]
    return line
