import * as z from 'zod'

export const Note = z.object({ id: z.number(), text: z.string() })

export type Note = z.infer<typeof Note>

/** The notes of one process, in memory. A database would stand here. */
export class Notes {
  readonly #notes: Note[] = []

  all(): Note[] {
    return [...this.#notes]
  }

  find(id: number): Note | undefined {
    return this.#notes.find((note) => note.id === id)
  }

  add(text: string): Note {
    const note = { id: this.#notes.length + 1, text }
    this.#notes.push(note)
    return note
  }
}
