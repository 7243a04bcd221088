/** Data: what comes from paths, queries, bodies and forms, what is made of it, what is refused. */
import { pikkuSessionlessFunc } from '#pikku'
import { schema } from './lib/schema.ts'

interface Thing {
  id: number
  tag?: string[]
  on?: boolean
  at?: Date
  big?: bigint
  size?: 'small' | 'large'
}

export const getThing = pikkuSessionlessFunc<Thing, unknown>({
  func: async (_services, { id, tag, on, at, big, size }) => ({
    id, tag, on, at: at?.toISOString(), big: typeof big, size, kinds: [typeof id, typeof on],
  }),
})

export const newThing = pikkuSessionlessFunc<void, unknown>({ func: async () => ({ is: 'the new one' }) })

export const echo = pikkuSessionlessFunc(async (_services, data: unknown) => ({
  data, type: Array.isArray(data) ? 'list' : typeof data,
}))

export const mergeThing = pikkuSessionlessFunc<{ id: string; name: string; note?: string }, unknown>({
  func: async (_services, data) => data,
})

export const order = pikkuSessionlessFunc({
  input: schema<{ count: number; lines: { sku: string }[]; gift: boolean }>(({ count, lines, gift }) => {
    const issues = []
    if (typeof count !== 'number' || count < 1) issues.push({ message: 'At least one', path: ['count'] })
    if (gift !== undefined && typeof gift !== 'boolean') issues.push({ message: 'Yes or no', path: ['gift'] })
    if (lines !== undefined && !Array.isArray(lines)) issues.push({ message: 'A list', path: ['lines', 0, 'sku'] })
    if (issues.length > 0) return { issues }
    return { value: { count: count as number, lines: (lines ?? []) as { sku: string }[], gift: gift === true } }
  }),
  func: async (_services, { count, lines, gift }) => ({ count, lines: lines.length, gift }),
})

export const upload = pikkuSessionlessFunc<{ title: string; file: unknown; more?: unknown }, unknown>({
  func: async (_services, { title, file, more }) => {
    const files = (Array.isArray(file) ? file : [file]) as (File | string)[]
    const told = files.map(async (one) =>
      typeof one === 'string' ? one : { name: one.name, type: one.type.split(';')[0], text: await one.text() })
    return { title, files: await Promise.all(told), more }
  },
})

/** The body as it came, as for a signature. */
export const raw = pikkuSessionlessFunc<unknown, unknown>({
  func: async (_services, _data, { http }) => {
    const bytes = await http!.request.bytes()
    return { bytes: bytes.length, first: bytes[0], text: (await http!.request.text()).slice(0, 40) }
  },
})

export const rest = pikkuSessionlessFunc<unknown, unknown>({
  func: async (_services, data, { http }) => ({ data, path: http!.path, route: http!.route }),
})

export const checked = pikkuSessionlessFunc<unknown, unknown>({
  func: async (_services, data, { http }) => ({ data, tenant: http!.headers['x-tenant'], agent: http!.headers['user-agent'] ?? null }),
})
