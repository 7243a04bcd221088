/**
 * Messages to all processes of a deployment: at most once, to those that are there at the moment. Knows texts and their
 * topics, not who wants which.
 */
import type { Environment } from '../core/environment.ts'
import { createLogger } from '../core/logger.ts'
import { onceStarted } from './patience.ts'
import { BUS, readPlace, STORE, unusable, type Place } from './place.ts'

export type Hear = (topic: string, payload: string) => void

export interface Bus {
  /** Heard in this process in any case, in the order of the calls; resolves when the others were sent it, too. */
  publish(topic: string, payload: string): Promise<void>
  /** Every message of every process, this one's own among them, once. Returns what ends it. */
  subscribe(hear: Hear): () => void
  close(): Promise<void>
}

/** The way to the other processes. */
export interface Carrier {
  send(text: string): Promise<void>
  /** Listens on another connection: what is sent isn't heard any more. */
  renew(): Promise<void>
  close(): Promise<void>
}

/** Told how to say that a text has come, from whichever process. */
export type Connect = (receive: (text: string) => void) => Promise<Carrier>

/** How often a process says something to itself, so that it learns that a connection is dead which nobody has closed. */
const BEAT_MS = 20_000
const SILENT_BEATS = 3

/** Without a way to others, of one process alone. */
export const createBus = async (connect?: Connect, beatMs = BEAT_MS): Promise<Bus> => {
  const self = crypto.randomUUID()
  const hearing = new Set<{ readonly hear: Hear }>()
  const deliver = (topic: string, payload: string): void => {
    // each in a turn of its own, so that one that fails keeps nobody from hearing, nor the publisher from going on
    for (const one of hearing) {
      void Promise.resolve().then(() => { if (hearing.has(one)) one.hear(topic, payload) })
        .catch((error: unknown) => createLogger().error(error, { topic, code: 'listener-failed' }))
    }
  }
  let silentBeats = 0
  const carrier = await connect?.((text) => {
    const [sender, , topic, payload] = JSON.parse(text) as [string, number, string?, string?]
    if (sender === self) silentBeats = 0
    else if (topic !== undefined && payload !== undefined) deliver(topic, payload)
  })
  // texts that are alike are one to PostgreSQL
  let count = 0
  const beat = async (): Promise<void> => {
    silentBeats += 1
    if (silentBeats > SILENT_BEATS) {
      silentBeats = 0
      await carrier?.renew()
    }
    await carrier?.send(JSON.stringify([self, count += 1]))
  }
  // a server that is away is met by whoever publishes, who is told
  const beats = carrier && setInterval(() => void beat().catch(() => undefined), beatMs)
  return {
    publish: async (topic, payload) => {
      deliver(topic, payload)
      await carrier?.send(JSON.stringify([self, count += 1, topic, payload]))
    },
    subscribe: (hear) => {
      const one = { hear }
      hearing.add(one)
      return () => void hearing.delete(one)
    },
    close: async () => {
      hearing.clear()
      clearInterval(beats)
      await carrier?.close()
    },
  }
}

const WAYS: Readonly<Record<Place['kind'], () => Promise<{ carrier(place: Place, project: string): Connect }>>> = {
  postgres: () => import('./postgres/bus.ts'),
  redis: () => import('./redis/bus.ts'),
}

/** Over what `UNITGRAPH_BUS` names, else over the server that is the store. */
const open = async (env: Environment, project: string): Promise<Bus> => {
  const place = readPlace(env, BUS) ?? readPlace(env, STORE)
  if (!place) return createBus()
  const { carrier } = await WAYS[place.kind]()
  return onceStarted(() => createBus(carrier(place, project))).catch((error: unknown) => { throw unusable({ ...place, variable: BUS }, error) })
}

let shared: { readonly bus: Promise<Bus>; users: number } | undefined

/** The one of this process, for all that ask. It is closed when the last of them closes it. Rejects where it can't be had. */
export const openBus = async (env: Environment, project: string): Promise<Bus> => {
  const mine = (shared ??= { bus: open(env, project), users: 0 })
  mine.users += 1
  const bus = await mine.bus.catch((error: unknown) => {
    if (shared === mine) shared = undefined
    throw error
  })
  return {
    ...bus,
    close: async () => {
      if ((mine.users -= 1) > 0) return
      if (shared === mine) shared = undefined
      await bus.close()
    },
  }
}
