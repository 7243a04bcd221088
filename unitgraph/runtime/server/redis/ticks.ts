/** Which times of a task were run, in Redis, by the server's clock. Runs nothing. */
import type { Ticks } from '../ticks.ts'
import { script, type Client } from './client.ts'
import { TIME } from './scripts.ts'

/** Keys: hashes of the last time that was run, and of how long it surely runs: 0 once it has ended. Values: the task, and more. */
const BODIES = {
  now: "return string.format('%.0f', now)",
  take: `
local at = tonumber(redis.call('HGET', KEYS[1], ARGV[1]))
local lease = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or 0)
if not at or at >= tonumber(ARGV[2]) or (ARGV[4] == '1' and lease > now) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', now + ARGV[3]))
return 1`,
  renew: `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3] == '0' and '0' or string.format('%.0f', now + ARGV[3]))
return 1`,
  takeOver: `
local lease = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or 0)
if lease == 0 or lease > now then return '' end
redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', now + ARGV[2]))
return redis.call('HGET', KEYS[1], ARGV[1])`,
}

export const createTicks = (client: Client, prefix: string, clock = TIME): Ticks => {
  const keys = [`${prefix}ticks:at`, `${prefix}ticks:lease`]
  const of = (body: keyof typeof BODIES) => script(`local now = ${clock}\n${BODIES[body]}`)
  const [now, take, renew, takeOver] = [of('now'), of('take'), of('renew'), of('takeOver')]
  return {
    now: async () => Number(await client.run(now, keys)),
    know: async (task, at) => void (await client.call('HSETNX', `${prefix}ticks:at`, task, String(at))),
    last: async (task) => Number(await client.call('HGET', `${prefix}ticks:at`, task)),
    take: async (task, at, leaseMs, alone) => (await client.run(take, keys, task, at, leaseMs, alone ? 1 : 0)) === 1,
    renew: async (task, at, leaseMs) => void (await client.run(renew, keys, task, at, leaseMs)),
    ended: async (task, at) => void (await client.run(renew, keys, task, at, 0)),
    takeOver: async (task, leaseMs) => {
      const at = String(await client.run(takeOver, keys, task, leaseMs))
      return at === '' ? undefined : Number(at)
    },
  }
}
