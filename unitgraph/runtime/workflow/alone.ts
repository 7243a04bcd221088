/** What is written together, and what by itself: an entry in a transaction with what its step did. */
import type { Writing } from './steps.ts'
import type { Append, Appended, Change, Store } from './store.ts'

type Writings = readonly Writing[]

/** What is written next, and what after it. A transaction that the run's end comes before is rolled back with it. */
export const groupOf = (writings: Writings, { status }: Change): readonly [now: Writings, later: Writing[]] => {
  const alone = status === undefined ? writings.find(({ through }) => through) : undefined
  if (!alone) return [writings.filter(({ through }) => !through), []]
  return [[alone], writings.filter((one) => one !== alone)]
}

export const write = async (store: Store, group: Writings, append: Append): Promise<Appended | { readonly is: 'withdrawn' }> => {
  const through = group[0]?.through
  if (!through) return store.append(append)
  const answer = await through(append)
  if (answer.is === 'ok' || answer.is === 'withdrawn') return answer
  // it may be written or not: the run is given up, so that what is under way of it comes too late, and is read anew
  for (const ahead of [0, 1]) {
    const change: Change = { status: 'waiting', dueAt: 0 }
    const left = await store.append({ ...append, fromSeq: append.fromSeq + ahead, entries: [], change })
    if (left.is === 'ok') break
  }
  return { is: 'fenced' }
}
