// What stands for a unit in workerd: takes its events, and hands them to the version of its code that is good now.
// So a version is swapped without a start, and what the Worker is bound to, and Durable Objects with their connections, stay.
import { DurableObject } from 'cloudflare:workers'

const load = async (env) => import(await (await env.UNITGRAPH_CODE.fetch('http://code/')).text())

/** What a producer's binding is told, as text. */
const messageOf = ({ body, contentType = 'json', delaySeconds }) => {
  const isBytes = contentType === 'bytes'
  const bytes = isBytes && new Uint8Array(body.buffer ?? body, body.byteOffset ?? 0, body.byteLength)
  return { type: contentType, body: isBytes ? btoa(String.fromCharCode(...bytes)) : body, delaySeconds }
}

/** A producer whose queue outlives workerd: https://developers.cloudflare.com/queues/configuration/javascript-apis/ */
const producer = (env, queue) => {
  const send = async (messages) => {
    const response = await env.UNITGRAPH_QUEUES.fetch('http://queues/', { method: 'POST', body: JSON.stringify({ queue, messages }) })
    if (!response.ok) throw new Error(`The queue ${queue} doesn't take it: ${await response.text()}`)
  }
  return {
    send: (body, options) => send([messageOf({ body, ...options })]),
    sendBatch: (messages, options) => send([...messages].map((message) => messageOf({ ...options, ...message }))),
  }
}

const kept = new WeakMap()
/** The environment as the unit knows it. */
const own = (env) => {
  if (!kept.has(env)) {
    const { UNITGRAPH_CODE: _code, UNITGRAPH_QUEUES: _queues, ...rest } = env
    kept.set(env, { ...rest, ...Object.fromEntries(producers.map(([binding, queue]) => [binding, producer(env, queue)])) })
  }
  return kept.get(env)
}

const handler = (name) => async (event, env, context) => {
  const { default: unit } = await load(env)
  if (unit[name] === undefined) throw new Error(`The unit handles no ${name}`)
  return unit[name](event, own(env), context)
}

export default { fetch: handler('fetch'), queue: handler('queue'), scheduled: handler('scheduled') }

export const objectOf = (name) =>
  class extends DurableObject {
    #module
    #object

    async #now() {
      const module = await load(this.env)
      if (module !== this.#module) {
        this.#module = module
        this.#object = new module[name](this.ctx, own(this.env))
      }
      return this.#object
    }

    async fetch(request) {
      return (await this.#now()).fetch(request)
    }

    async alarm(info) {
      return (await this.#now()).alarm(info)
    }

    async webSocketMessage(socket, message) {
      return (await this.#now()).webSocketMessage?.(socket, message)
    }

    async webSocketClose(socket, code, reason, wasClean) {
      return (await this.#now()).webSocketClose?.(socket, code, reason, wasClean)
    }

    async webSocketError(socket, error) {
      return (await this.#now()).webSocketError?.(socket, error)
    }
  }
