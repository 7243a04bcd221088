/** What the MCP server offers. */
import {
  ConflictError, NotFoundError, pikkuFunc, pikkuMCPPromptFunc, pikkuMCPResourceFunc, pikkuMCPToolFunc, pikkuSessionlessFunc,
} from '#pikku'
import { described } from './lib/schema.ts'
import { isOwner, isStaff } from './sessions.functions.ts'

export const addUp = pikkuSessionlessFunc<{ numbers: number[]; note?: string }, { sum: number; note?: string }>({
  mcp: true, title: 'Add up', description: 'The sum of numbers.',
  func: async (_services, { numbers, note }) => ({ sum: numbers.reduce((a, b) => a + b, 0), ...(note !== undefined && { note }) }),
})

export const toolKinds = pikkuSessionlessFunc<{ at: Date }, { at: Date; many: bigint; next: Date }>({
  mcp: true,
  func: async (_services, { at }) => ({ at, many: 12345678901234567890n, next: new Date(at.getTime() + 1) }),
})

export const toolMe = pikkuFunc<void, { userId: string | null; transport: string }>({
  mcp: true,
  func: async (_services, _data, { session, transport }) => ({ userId: session.userId ?? null, transport }),
})

export const toolOwned = pikkuFunc<{ userId: string }, { of: string }>({
  mcp: true, permissions: { owner: isOwner }, func: async (_services, { userId }) => ({ of: userId }),
})

/** Nobody needs a session for the function; its wiring wants one of the staff. */
export const toolStaff = pikkuSessionlessFunc<void, string>({ func: async () => 'for staff' })

export const toolFail = pikkuSessionlessFunc<{ how: 'conflict' | 'secret' | 'text' }, void>({
  mcp: true,
  func: async (_services, { how }) => {
    if (how === 'conflict') throw new ConflictError('It is taken', { data: { by: 'ada' } })
    if (how === 'text') throw 'a text'
    throw new Error('a private matter')
  },
})

export const toolHidden = pikkuSessionlessFunc<void, string>({ mcp: true, internal: true, func: async () => 'never' })

export const toolSchema = pikkuSessionlessFunc({
  mcp: true,
  input: described<{ word: string }>(
    ({ word }) => (word === 'plugh' ? { value: { word } } : { issues: [{ message: 'Say plugh', path: ['word'] }] }),
    { type: 'object', properties: { word: { type: 'string', description: 'The magic word.' } }, required: ['word'] },
  ),
  output: described<{ said: string }>((value) => ({ value: value as { said: string } }), { type: 'object', properties: { said: { type: 'string' } } }),
  func: async (_services, { word }) => ({ said: word }),
})

export const toolContent = pikkuMCPToolFunc<{ name: string }>({
  func: async (_services, { name }) => [
    { type: 'text', text: `Hello, ${name}` },
    { type: 'image', data: Uint8Array.from([1, 2, 3, 250]), mimeType: 'image/png' },
  ],
})

export const toolProgress = pikkuMCPToolFunc<{ steps: number }>({
  func: async (_services, { steps }, { mcp }) => {
    for (let step = 1; step <= steps; step += 1) await mcp.sendProgress(step, steps, `step ${step}`)
    return 'done'
  },
})

/** Ends when the client has gone, which the log is told. */
export const toolWait = pikkuMCPToolFunc<{ name: string }>({
  func: async ({ logger }, { name }, { mcp, signal }) => {
    // a Worker learns that nobody listens when it says something
    for (let step = 0; !signal.aborted; step += 1) {
      await mcp.sendProgress(step)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    logger.info('given up', { name })
    return 'given up'
  },
})

export const toolAsk = pikkuMCPToolFunc<{ what: string }>({
  func: async (_services, { what }, { mcp }) => {
    if (!mcp.elicitInput) return 'nobody can be asked'
    const sure = await mcp.elicitInput({ message: `Delete ${what}?` })
    if (sure.action !== 'accept') return `kept: ${sure.action}`
    const { content } = await mcp.elicitInput({
      message: 'Why?',
      schema: described<{ why: string }>(
        ({ why }) => (typeof why === 'string' && why !== '' ? { value: { why } } : { issues: [{ message: 'Say why', path: ['why'] }] }),
        { type: 'object', properties: { why: { type: 'string' } }, required: ['why'] },
      ),
    })
    return `deleted ${what}: ${content?.['why']}`
  },
})

export const toolTouch = pikkuMCPToolFunc<{ uri: string }>({
  func: async (_services, { uri }, { mcp }) => {
    await mcp.sendResourceUpdated(uri)
    return 'touched'
  },
})

export const pageIndex = pikkuMCPResourceFunc<void>(async () => [{ text: 'one, two' }, { uri: 'pages://logo', blob: Uint8Array.from([0, 255]) }])

export const page = pikkuMCPResourceFunc<{ book: string; page: number }>({
  func: async (_services, { book, page }, { mcp }) => {
    if (page > 9) throw new NotFoundError(`${book} has 9 pages`)
    return { book, page, uri: mcp.uri }
  },
})

export const logo = pikkuSessionlessFunc<void, Uint8Array>({ func: async () => Uint8Array.from([0, 1, 254, 255]) })
export const diary = pikkuFunc<void, string>({ func: async (_services, _data, { session }) => `of ${session.userId}` })

export const summarise = pikkuMCPPromptFunc<{ text: string; words?: number }>({
  description: 'Says it in fewer words.',
  func: async (_services, { text, words = 10 }) => [
    { role: 'assistant', content: `I use ${typeof words} ${words}` }, { role: 'user', content: { type: 'text', text } },
  ],
})

export const staffPrompt = pikkuMCPPromptFunc<void>({ permissions: { staff: isStaff }, func: async () => 'For staff' })
