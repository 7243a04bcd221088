/** Writes that come together go together: what comes while one is under way waits, and shares the next one. */

export interface Limits {
  /** Of one group. */
  readonly most: number
  /** Groups that may be under way at once. */
  readonly atOnce: number
}

/** `write` answers for each item in its place; where it fails, it has failed for each. */
export const inGroups = <Item, Answer>(
  write: (items: readonly Item[]) => Promise<readonly Answer[]> | readonly Answer[], { most, atOnce }: Limits,
): ((item: Item) => Promise<Answer>) => {
  const waiting: { item: Item; resolve(answer: Answer): void; reject(error: unknown): void }[] = []
  let running = 0
  let isAsked = false
  const flush = async (): Promise<void> => {
    isAsked = false
    if (waiting.length === 0 || running >= atOnce) return
    const group = waiting.splice(0, most)
    running += 1
    try {
      const answers = await write(group.map(({ item }) => item))
      group.forEach(({ resolve }, index) => resolve(answers[index] as Answer))
    } catch (error) {
      for (const { reject } of group) reject(error)
    } finally {
      running -= 1
      ask()
    }
  }
  const ask = (): void => {
    if (isAsked || waiting.length === 0 || running >= atOnce) return
    isAsked = true
    setImmediate(flush)
  }
  return (item) => new Promise((resolve, reject) => {
    waiting.push({ item, resolve, reject })
    ask()
  })
}

declare const setImmediate: (work: () => void) => unknown
