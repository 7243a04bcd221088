/** Marks in Redis: keys that expire. */
import type { Marks } from '../marks.ts'
import { script, type Client } from './client.ts'

const FIRST = script(`
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
return redis.call('GET', KEYS[1])`)

export const createMarks = (client: Client, prefix: string): Marks => ({
  first: async (key, text, forMs) => String(await client.run(FIRST, [`${prefix}mark:${key}`], text, forMs)),
  set: async (key, text, forMs) => void (await client.call('SET', `${prefix}mark:${key}`, text, 'PX', String(forMs))),
})
