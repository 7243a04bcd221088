// What stands for a unit in workerd: takes its events, and hands them to the version of its code that is good now.
// So a version is swapped without a start, and what the Worker is bound to, and Durable Objects with their connections, stay.
import { DurableObject } from 'cloudflare:workers'

const load = async (env) => import(await (await env.UNITGRAPH_CODE.fetch('http://code/')).text())

const kept = new WeakMap()
/** The environment as the unit knows it. */
const own = (env) => {
  if (!kept.has(env)) {
    const { UNITGRAPH_CODE: _, ...rest } = env
    kept.set(env, rest)
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
