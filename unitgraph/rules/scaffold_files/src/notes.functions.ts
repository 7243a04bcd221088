import * as z from 'zod'
import { NotFoundError, pikkuSessionlessFunc, wireHTTP } from '#pikku'
import { Note } from './notes.ts'

export const listNotes = pikkuSessionlessFunc({
  output: z.object({ notes: z.array(Note) }),
  func: async ({ notes }) => ({ notes: notes.all() }),
})

export const addNote = pikkuSessionlessFunc({
  input: z.object({ text: z.string().min(1) }),
  output: Note,
  func: async ({ logger, notes }, { text }) => {
    const note = notes.add(text)
    logger.info(`note ${note.id} added`)
    return note
  },
})

/** Types alone do as well: they are checked at run time like a schema, and `id` of the path becomes a number. */
export const getNote = pikkuSessionlessFunc<{ id: number }, Note>({
  func: async ({ notes }, { id }) => {
    const note = notes.find(id)
    if (!note) throw new NotFoundError(`There is no note ${id}.`)
    return note
  },
})

wireHTTP({ method: 'get', route: '/notes', func: listNotes, auth: false })
wireHTTP({ method: 'post', route: '/notes', func: addNote, auth: false })
wireHTTP({ method: 'get', route: '/notes/:id', func: getNote, auth: false })
