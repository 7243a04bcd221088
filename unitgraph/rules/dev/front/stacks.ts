/** Where in the project's sources a line of a stack comes from: places in bundles, led back by their source maps. */
import { SourceMap, type Payload } from 'node:module'

/** A place in a bundle, as engines write them; a path in a log has no escapes of its own. */
const PLACE = /([^\s()"'\\]+\.js):(\d+):(\d+)/g
/** A map is large, and stacks of one moment lead to few. */
const MOST = 20

/** The text of a file's map; undefined where the file is none of the build's. */
export type MapOf = (file: string) => string | undefined

export const createStacks = (mapOf: MapOf): ((line: string) => string) => {
  const known = new Map<string, { text: string; map: SourceMap }>()
  const read = (file: string): SourceMap | undefined => {
    const text = mapOf(file)
    if (text === undefined) return undefined
    const held = known.get(file)
    if (held?.text === text) return held.map
    const map = new SourceMap(JSON.parse(text) as Payload)
    known.delete(file)
    known.set(file, { text, map })
    for (const old of [...known.keys()].slice(0, -MOST)) known.delete(old)
    return map
  }
  const origin = (whole: string, file: string, line: string, column: string): string => {
    try {
      const found = read(file)?.findEntry(Number(line) - 1, Number(column) - 1)
      if (!found?.originalSource) return whole
      return `${decodeURI(found.originalSource)}:${found.originalLine + 1}:${found.originalColumn + 1}`
    } catch {
      // a map that is just being written says nothing; the place in the bundle is still true
      return whole
    }
  }
  return (line) => (line.includes('.js:') ? line.replace(PLACE, origin) : line)
}
