/** What an opening of the chat must say; any Standard Schema, so one by hand. */
export interface Opening {
  room?: string
  mode?: string
  size?: number
}

type Result = { value: Opening } | { issues: { message: string; path: string[] }[] }

export const opening = {
  '~standard': {
    version: 1 as const,
    vendor: 'by-hand',
    validate: (value: unknown): Result => {
      const given = value as Record<string, unknown>
      const known = Object.keys(given).filter((key) => !['room', 'mode', 'size'].includes(key))
      if (known.length > 0) return { issues: known.map((key) => ({ message: 'Not known', path: [key] })) }
      if (given['size'] !== undefined && typeof given['size'] !== 'number') return { issues: [{ message: 'Not a number', path: ['size'] }] }
      return { value: given as Opening }
    },
  },
}
