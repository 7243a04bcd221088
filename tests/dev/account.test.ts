/** Queues of this machine as a server asks Cloudflare for its own, by the client that does so. Run by `bun test`. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { createAccount } from '../../unitgraph/rules/dev/front/account.ts'
import { createQueues, type Delivered, type Outcome } from '../../unitgraph/rules/dev/front/jobs.ts'
import { readAccount } from '../../unitgraph/runtime/server/pull-api.ts'

const root = mkdtempSync('/tmp/unitgraph-account-')
const handed: Delivered[][] = []
const deliver = async (_worker: string, _queue: string, messages: Delivered[]): Promise<Outcome> => {
  handed.push(messages)
  return { outcome: 'ok', ackAll: true, retryBatch: { retry: false }, explicitAcks: [], retryMessages: [] }
}
const jobs = createQueues(root, deliver, () => undefined)
const account = createAccount(jobs)
account.configure({ posters: true, 'of-workers': false, ...Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`q${index}`, true])) })
jobs.configure([{ queue: 'of-workers', worker: 'shop' }])
await jobs.paused(async () => undefined)

afterAll(async () => {
  await account.stop()
  await jobs.close()
  rmSync(root, { recursive: true })
})

const admit = () => {
  const env = account.admit({ CLOUDFLARE_ACCOUNT_ID: 'own', CLOUDFLARE_QUEUES_TOKEN: 'of the real one' })
  return { env, account: readAccount(env) }
}
/** Asks as long as a server would. */
const pulled = async (queue: { pull(most: number, leaseMs: number): Promise<readonly any[]> }, leaseMs = 60_000): Promise<any> => {
  for (;;) {
    const [found] = await queue.pull(1, leaseMs)
    if (found) return found
  }
}

test('messages come as they were sent, are had by one, and are gone when they are acknowledged', async () => {
  const queue = await admit().account.queue('posters')
  await jobs.add('posters', [
    { type: 'text', body: 'plain ü' }, { type: 'json', body: { a: ['ü'] } }, { type: 'bytes', body: btoa('\x00\xff') }, { type: 'json', body: null },
  ])
  const found = await queue.pull(10, 60_000)
  expect(found.map(({ body, attempts }) => [body instanceof ArrayBuffer ? [...new Uint8Array(body)] : body, attempts]))
    .toEqual([['plain ü', 1], [{ a: ['ü'] }, 1], [[0, 255], 1], [null, 1]])
  expect(await queue.pull(10, 60_000)).toEqual([])
  await Promise.all([...found.slice(1).map(({ lease }) => queue.ack(lease)), queue.retry(found[0]!.lease, 0)])
  const again = await queue.pull(10, 60_000)
  expect(again.map(({ id, body, attempts }) => [id, body, attempts])).toEqual([[found[0]!.id, 'plain ü', 2]])
  await queue.ack(found[0]!.lease)
  expect(await queue.pull(10, 1)).toEqual([])
  await queue.ack(again[0]!.lease)
}, 20_000)

test('a request waits for what is added, for what is sent from elsewhere, and for a delay or a lease to be over', async () => {
  const { account: own } = admit()
  const queue = await own.queue('q119')
  const waiting = queue.pull(1, 60_000)
  await queue.send({ late: true }, 0)
  const [first] = await waiting
  expect(first?.body).toEqual({ late: true })
  await queue.retry(first!.lease, 1)
  const second = await pulled(queue, 20)
  expect([second.id, second.attempts]).toEqual([first!.id, 2])
  const third = await pulled(queue)
  expect([third.id, third.attempts]).toEqual([first!.id, 3])
  await queue.ack(third.lease)
  await (await own.queue('of-workers')).send('for a Worker', 0)
  while (handed.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  expect(handed[0]!.map(({ body }) => body)).toEqual(['for a Worker'])
}, 20_000)

test('the newest that asks is given jobs, and what one leaves comes again', async () => {
  const old = admit()
  const before = await old.account.queue('posters')
  const held = before.pull(1, 60_000)
  await jobs.add('posters', [{ type: 'json', body: 1 }])
  expect((await held).map(({ attempts }) => attempts)).toEqual([1])

  const young = admit()
  const next = await young.account.queue('posters')
  const asking = pulled(next)
  await account.gone(old.env, true)
  const kept = await asking
  expect([kept.body, kept.attempts]).toEqual([1, 1])
  await expect(before.pull(1, 1)).rejects.toThrow('401')

  const newest = admit()
  expect(await (await newest.account.queue('posters')).pull(1, 1)).toEqual([])
  await jobs.add('posters', [{ type: 'json', body: 2 }])
  expect(await next.pull(1, 60_000)).toEqual([])
  await account.gone(newest.env, false)
  expect((await pulled(next)).body).toBe(2)
  await next.ack(kept.lease)
  account.configure({ posters: false })
  await jobs.add('posters', [{ type: 'json', body: 3 }])
  expect(await next.pull(1, 60_000)).toEqual([])
}, 20_000)

test('one that serves is given jobs before it asks, and whoever it replaces none that it would hand back', async () => {
  account.configure({ turns: true })
  const [old, young] = [admit(), admit()]
  const asked = (await old.account.queue('turns')).pull(1, 60_000)
  account.serves(young.env)
  await jobs.add('turns', [{ type: 'json', body: 4 }])
  expect(await asked).toEqual([])
  const next = await young.account.queue('turns')
  const { body, attempts, lease } = await pulled(next)
  expect([body, attempts]).toEqual([4, 1])
  await next.ack(lease)
}, 20_000)

test('nobody else is answered, and a queue that there is not is said', async () => {
  const { env, account: own } = admit()
  const url = `${env['CLOUDFLARE_API_BASE_URL']}/accounts/own/queues`
  expect((await fetch(url)).status).toBe(401)
  expect((await fetch(url, { headers: { authorization: 'Bearer of the real one' } })).status).toBe(401)
  await expect(own.queue('nothing')).rejects.toThrow('no queue nothing')
})
