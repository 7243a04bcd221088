const width = 48

export const rule = '-'.repeat(width)

/** One line of text: `left` flush left, `right` flush right, cut to fit. */
export function row(left: string, right: string): string {
  const room = width - right.length - 1
  return `${left.slice(0, room).padEnd(room)} ${right}`
}
