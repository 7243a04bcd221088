/** Keys of steps: the scope, the name, and which one of that name it is there. The same in every replay. */

export interface Keys {
  /** Throws where a step of this name is in flight in the scope: which one is which would be chance. */
  take(scope: string, name: string): string
  free(key: string): void
}

const nameOf = (key: string): string => key.replace(/#\d+$/, '')

/** A name as part of a key: what separates keys' parts isn't in it. */
export const plain = (name: string): string => name.replace(/[%/#!]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`)

export const createKeys = (): Keys => {
  const taken = new Map<string, number>()
  const flying = new Set<string>()
  return {
    take: (scope, name) => {
      if (typeof name !== 'string' || name === '') throw new TypeError('A step has a name: its first argument is a text')
      const base = `${scope}${plain(name)}`
      if (flying.has(base)) {
        throw new TypeError(
          `Two steps are called ${JSON.stringify(name)} at the same time: give them names of their own, or branches of workflow.all`,
        )
      }
      flying.add(base)
      const count = (taken.get(base) ?? 0) + 1
      taken.set(base, count)
      return count === 1 ? base : `${base}#${count}`
    },
    free: (key) => void flying.delete(nameOf(key)),
  }
}

export const scopeOf = (scope: string, key: string, branch: string): string => `${scope}${plain(key)}/${plain(branch)}/`

/** The names that a key is made of: those of its scopes, then its own, with which one of that name it is. */
export const namesOf = (key: string): { readonly scopes: readonly string[]; readonly name: string; readonly nth: number } => {
  const parts = key.split('/').map((part) => part.replace(/%([0-9a-f]{2})/g, (_mark, code: string) => String.fromCharCode(Number.parseInt(code, 16))))
  const nth = /#(\d+)$/.exec(key)?.[1]
  const last = parts.pop() ?? ''
  return { scopes: parts, name: nth === undefined ? last : last.slice(0, -nth.length - 1), nth: Number(nth ?? 1) }
}
