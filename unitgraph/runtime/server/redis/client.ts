/// <reference path="../modules.d.ts" />
/**
 * Commands and scripts to a Redis, by Bun's own client: a connection that is made again when it is next needed, and
 * goes where a cluster says that the keys are. Knows no keys.
 */
import { RedisClient, type RedisConnection } from 'bun'
import { ANSWER_MS, CONNECT_MS, inTime, unavailable } from '../patience.ts'
import type { Place } from '../place.ts'

/** A script runs whole or not at all; all that it touches is among its keys. */
export interface Script {
  readonly text: string
  readonly digest: Promise<string>
}

export interface Client {
  call(command: string, ...values: string[]): Promise<unknown>
  run(script: Script, keys: readonly string[], ...values: (string | number)[]): Promise<unknown>
  /** For as long as the client is open, over any number of connections; `listening` is called for each. Returns its end. */
  listen(channel: string, heard: (text: string) => void, listening?: () => void): () => void
  close(): void
}

const AGAIN_MS = { first: 50, most: 2000 }
const HOPS = 5
/** Of a server that can't answer now and may soon, or is no longer the one that writes. */
const PASSING = /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY|ASK|BUSY|NOREPLICAS|OOM|MISCONF|UNBLOCKED)\b/

export const script = (text: string): Script => ({ text, digest: sha1(text) })

const sha1 = async (text: string): Promise<string> => {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text)))
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

export const connect = ({ url }: Place): Client => {
  const home = new URL(url)
  let target = home
  let current: Promise<RedisConnection> | undefined
  let isOver = false
  const ends: (() => void)[] = []

  const open = async (at: URL, closed: (connection: RedisConnection) => void): Promise<RedisConnection> => {
    const connection = new RedisClient(at.href, { autoReconnect: false, enableOfflineQueue: false, connectionTimeout: CONNECT_MS })
    connection.onclose = () => closed(connection)
    await inTime(connection.connect(), () => connection.close(), CONNECT_MS)
    return connection
  }
  const drop = (connection: Promise<RedisConnection>): void => {
    if (current === connection) current = undefined
    void connection.then((one) => one.close(), () => undefined)
  }
  const connected = (): Promise<RedisConnection> => {
    if (current) return current
    const made: Promise<RedisConnection> = open(target, () => { if (current === made) current = undefined })
    current = made
    made.catch(() => {
      if (current === made) current = undefined
      // whoever the cluster named may be gone
      target = home
    })
    return made
  }

  /** A cluster's word where the keys are: `MOVED 1234 10.0.0.7:6379`, the host left out where it is the same. */
  const follow = (message: string): boolean => {
    const [, address] = /^MOVED \d+ (\S+)$/.exec(message) ?? []
    if (address === undefined) return false
    const colon = address.lastIndexOf(':')
    const next = new URL(target)
    if (colon > 0) next.hostname = address.slice(0, colon).includes(':') ? `[${address.slice(0, colon)}]` : address.slice(0, colon)
    next.port = address.slice(colon + 1)
    target = next
    return true
  }

  const send = async (command: string, values: readonly string[]): Promise<unknown> => {
    for (let hop = 0; ; hop += 1) {
      let used: Promise<RedisConnection> | undefined
      try {
        if (isOver) throw new Error('The connection is closed')
        used = connected()
        const connection = await used
        const mine = used
        return await inTime(connection.send(command, values), () => drop(mine), ANSWER_MS)
      } catch (error) {
        const message = messageOf(error)
        const isServers = (error as { code?: string }).code === 'ERR_REDIS_SERVER_ERROR' || /^[A-Z]{3,} /.test(message)
        if (hop < HOPS && used && follow(message)) {
          drop(used)
          continue
        }
        if (message.startsWith('READONLY') && used) {
          target = home
          drop(used)
        }
        throw isServers && !PASSING.test(message) ? error : unavailable(error)
      }
    }
  }

  return {
    call: (command, ...values) => send(command, values),
    run: async ({ text, digest }, keys, ...values) => {
      const rest = [String(keys.length), ...keys, ...values.map(String)]
      try {
        return await send('EVALSHA', [await digest, ...rest])
      } catch (error) {
        if (!messageOf(error).startsWith('NOSCRIPT')) throw error
        return send('EVAL', [text, ...rest])
      }
    },
    listen: (channel, heard, listening) => {
      let end = Promise.withResolvers<void>()
      let hasEnded = false
      const stop = (): void => {
        hasEnded = true
        end.resolve()
      }
      ends.push(stop)
      void (async () => {
        for (let wait = AGAIN_MS.first; !hasEnded; wait = Math.min(wait * 2, AGAIN_MS.most)) {
          const broken = Promise.withResolvers<void>()
          try {
            const connection = await open(target, () => broken.resolve())
            await inTime(connection.subscribe(channel, (text) => heard(text)), () => connection.close(), CONNECT_MS)
            wait = AGAIN_MS.first
            listening?.()
            await Promise.race([broken.promise, end.promise])
            connection.close()
          } catch {
            // tried again, and again
          }
          await Promise.race([sleep(wait), end.promise])
        }
      })()
      return stop
    },
    close: () => {
      isOver = true
      for (const end of ends) end()
      if (current) drop(current)
    },
  }
}
