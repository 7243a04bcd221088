/** What a process says, line by line. */

export interface Lines {
  /** The last lines, once nothing more can come. */
  last(): Promise<readonly string[]>
}

const KEPT = 20

export const linesOf = (streams: readonly AsyncIterable<Uint8Array>[], say: (line: string) => void): Lines => {
  const kept: string[] = []
  const take = (line: string): void => {
    kept.push(line)
    if (kept.length > KEPT) kept.shift()
    say(line)
  }
  const read = async (stream: AsyncIterable<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) take(line)
    }
    rest += decoder.decode()
    if (rest !== '') take(rest)
  }
  const all = Promise.allSettled(streams.map(read))
  return { last: async () => all.then(() => kept) }
}
