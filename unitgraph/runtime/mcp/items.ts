/** What an MCP server offers, as an entry lists it, and how it is found. Knows no protocol. */
import { decode } from '../http/path.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

export interface Item {
  readonly kind: 'tool' | 'resource' | 'prompt'
  /** Of a resource its URI, or a template with `{name}`. */
  readonly name: string
  readonly function: string
  readonly title?: string
  readonly description?: string
  /** A resource's own. */
  readonly label?: string
  readonly mimeType?: string
  readonly size?: number
  readonly annotations?: Readonly<Record<string, unknown>>
  /** From the function's types. */
  readonly input?: JsonSchema
  readonly output?: JsonSchema
  /** The function has schemas of its own, which its unit tells. */
  readonly asks?: boolean
  readonly needsSession?: boolean
  /** What the function returns is content in the protocol's own form. */
  readonly returnsContent?: boolean
}

export interface Items {
  readonly all: readonly Item[]
  of(kind: Item['kind']): readonly Item[]
  named(kind: Item['kind'], name: string): Item | undefined
  /** A resource, and the parts of its URI where that is a template. */
  at(uri: string): readonly [Item, Readonly<Record<string, string>>] | undefined
}

export const isTemplate = ({ name }: Item): boolean => name.includes('{')

const pattern = (template: string): RegExp =>
  new RegExp(`^${template.replace(/[.*+?^$()|[\]\\/-]/g, '\\$&').replace(/\{(\w+)\}/g, '(?<$1>[^/?#]+)')}$`)

export const createItems = (all: readonly Item[]): Items => {
  const key = (kind: Item['kind'], name: string): string => `${kind} ${name}`
  const known = new Map(all.map((item) => [key(item.kind, item.name), item]))
  const of = (kind: Item['kind']) => all.filter((item) => item.kind === kind)
  // a template with more fixed text is the more specific one
  const templates = of('resource').filter(isTemplate)
    .sort((a, b) => b.name.replace(/\{\w+\}/g, '').length - a.name.replace(/\{\w+\}/g, '').length)
    .map((item) => [item, pattern(item.name)] as const)
  return {
    all,
    of,
    named: (kind, name) => known.get(key(kind, name)),
    at: (uri) => {
      const exact = known.get(key('resource', uri))
      if (exact && !isTemplate(exact)) return [exact, {}]
      for (const [item, form] of templates) {
        const groups = form.exec(uri)?.groups
        if (groups) return [item, Object.fromEntries(Object.entries(groups).map(([name, part]) => [name, decode(part)]))]
      }
      return undefined
    },
  }
}
