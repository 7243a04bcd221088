/** Files that are read again only where they were written again. A build replaces a file as a whole. */
import { readFileSync, lstatSync } from 'node:fs'

export type Read = (path: string) => string

export const createTexts = (): Read => {
  const known = new Map<string, { mark: string; text: string }>()
  return (path) => {
    const { mtimeMs, size, ino } = lstatSync(path)
    const mark = `${mtimeMs}:${size}:${ino}`
    const found = known.get(path)
    if (found?.mark === mark) return found.text
    const text = readFileSync(path, 'utf8')
    known.set(path, { mark, text })
    return text
  }
}
