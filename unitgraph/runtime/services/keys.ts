/** What a key may be wherever something is kept under one, and how many a list gives. */
import { BadRequestError } from '../core/errors.ts'
import { fromBase64Url, toBase64Url, toBytes, toText } from '../core/text.ts'

/** A text that is the same in every encoding, that no log line or header breaks at, and that no path takes for a folder. */
export const isKey = (key: unknown, mostBytes: number): key is string =>
  typeof key === 'string' && /^[^\x00-\x1f\x7f]+$/.test(key) && key.isWellFormed() && key !== '.' && key !== '..' &&
  toBytes(key).length <= mostBytes

export const pageSize = (limit: number, most: number): number => {
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit
  throw new BadRequestError(`A limit is a whole number from 1 to ${most}`)
}

/** Nothing that begins with a prefix comes after the prefix with this, in the order of bytes. */
export const HIGHEST = '\u{10FFFF}'.repeat(256)

/** Where a list goes on after a key, as a text that says nothing. */
export const cursorAfter = (key: string): string => toBase64Url(toBytes(key))

/** The key that a cursor stands for; before all keys where there is none. */
export const keyBefore = (cursor: string | undefined): string => {
  try {
    return cursor === undefined ? '' : toText(fromBase64Url(cursor))
  } catch (error) {
    throw new BadRequestError('The cursor is none that a list gave', { cause: error })
  }
}
