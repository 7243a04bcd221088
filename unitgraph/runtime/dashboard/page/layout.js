/**
 * Where the steps of a run stand in its picture: boxes and lines as numbers. Pure.
 *
 * Code has no graph of its own, so what is drawn is what happened: steps below each other in the order in which they
 * began, side by side where they overlapped, and branches of a scope in columns of a frame.
 */

/** @import { GraphView, Step } from './told.ts' */

export const WIDTH = 176
export const HEIGHT = 44
const [GAP_X, GAP_Y, PAD, HEAD, LABEL] = [20, 30, 12, 16, 18]

/** @typedef {{ key: string, x: number, y: number, step?: Step, title: string }} Box */
/** @typedef {{ x: number, y: number, width: number, height: number, title: string }} Frame */
/** @typedef {{ from: [number, number], to: [number, number], by?: string, isTaken: boolean }} Line */
/** @typedef {{ x: number, y: number, title: string }} Label */
/** @typedef {{ boxes: Box[], frames: Frame[], labels: Label[], lines: Line[], width: number, height: number }} Picture */
/** @typedef {Picture & { tops: [number, number][], ends: [number, number][] }} Part */

/** @param {Part} part @param {number} dx @param {number} dy */
const moved = (part, dx, dy) => {
  /** @param {[number, number]} point @returns {[number, number]} */
  const move = ([x, y]) => [x + dx, y + dy]
  return {
    ...part, boxes: part.boxes.map((box) => ({ ...box, x: box.x + dx, y: box.y + dy })),
    frames: part.frames.map((frame) => ({ ...frame, x: frame.x + dx, y: frame.y + dy })),
    labels: part.labels.map((label) => ({ ...label, x: label.x + dx, y: label.y + dy })),
    lines: part.lines.map((line) => ({ ...line, from: move(line.from), to: move(line.to) })), tops: part.tops.map(move), ends: part.ends.map(move),
  }
}

/** @param {Step} step @returns {Part} */
const boxOf = (step) => ({
  boxes: [{ key: step.key, x: 0, y: 0, step, title: step.name }], frames: [], labels: [], lines: [], width: WIDTH, height: HEIGHT,
  tops: [[WIDTH / 2, 0]], ends: [[WIDTH / 2, HEIGHT]],
})

/** Side by side. @param {readonly Part[]} parts @returns {Part} */
const beside = (parts) => {
  if (parts.length === 1) return /** @type {Part} */ (parts[0])
  /** @type {Part} */
  const all = { boxes: [], frames: [], labels: [], lines: [], width: -GAP_X, height: 0, tops: [], ends: [] }
  for (const part of parts) {
    const { boxes, frames, labels, lines, tops, ends } = moved(part, all.width + GAP_X, 0)
    all.boxes.push(...boxes); all.frames.push(...frames); all.labels.push(...labels); all.lines.push(...lines); all.tops.push(...tops); all.ends.push(...ends)
    all.width += GAP_X + part.width
    all.height = Math.max(all.height, part.height)
  }
  return all
}

/** One below the other, with lines from each end to each beginning. @param {readonly Part[]} parts @returns {Part} */
const below = (parts) => {
  const width = Math.max(...parts.map((part) => part.width))
  /** @type {Part} */
  const all = { boxes: [], frames: [], labels: [], lines: [], width, height: -GAP_Y, tops: [], ends: [] }
  for (const part of parts) {
    const { boxes, frames, labels, lines, tops, ends } = moved(part, (width - part.width) / 2, all.height + GAP_Y)
    for (const from of all.ends) for (const to of tops) all.lines.push({ from, to, isTaken: true })
    all.boxes.push(...boxes); all.frames.push(...frames); all.labels.push(...labels); all.lines.push(...lines)
    if (all.tops.length === 0) all.tops = tops
    all.ends = ends
    all.height += GAP_Y + part.height
  }
  return all
}

/** @param {string} title @param {readonly Part[]} branches @returns {Part} */
const framed = (title, branches) => {
  const inner = moved(beside(branches), PAD, HEAD + PAD)
  const [width, height] = [inner.width + 2 * PAD, inner.height + HEAD + 2 * PAD]
  return { ...inner, frames: [{ x: 0, y: 0, width, height, title }, ...inner.frames], width, height, tops: [[width / 2, 0]], ends: [[width / 2, height]] }
}

/** Under its branch's name. @param {string} title @param {Part} part */
const titled = (title, part) => {
  const inner = moved(part, 0, LABEL)
  return { ...inner, labels: [...inner.labels, { x: part.width / 2, y: LABEL - 8, title }], height: part.height + LABEL }
}

/** @typedef {{ startedAt: number, endedAt: number, part: () => Part }} Item */

/** @param {readonly Step[]} steps */
const span = (steps) => ({
  startedAt: Math.min(...steps.map(({ startedAt }) => Date.parse(startedAt))),
  endedAt: Math.max(...steps.map(({ endedAt }) => (endedAt ? Date.parse(endedAt) : Infinity))),
})

/** Steps of one scope, whose own scopes begin at `depth`. @param {readonly Step[]} steps @param {number} depth @returns {Part} */
const sequence = (steps, depth) => {
  /** @type {Map<string, Step[]>} */
  const scopes = new Map()
  /** @type {Item[]} */
  const items = []
  for (const step of steps) {
    const scope = step.scopes[depth]
    if (scope === undefined) {
      items.push({ ...span([step]), part: () => boxOf(step) })
      continue
    }
    const known = scopes.get(scope)
    if (known) {
      known.push(step)
      continue
    }
    const own = [step]
    scopes.set(scope, own)
    items.push({ startedAt: Date.parse(step.startedAt), endedAt: NaN, part: () => framed(scope, branchesOf(own, depth)) })
    const item = /** @type {Item} */ (items.at(-1))
    Object.defineProperty(item, 'endedAt', { get: () => span(own).endedAt })
  }
  items.sort((a, b) => a.startedAt - b.startedAt)
  /** @type {Item[][]} */
  const ranks = []
  for (const item of items) {
    const rank = ranks.at(-1)
    if (rank && rank.every(({ endedAt }) => item.startedAt < endedAt)) rank.push(item)
    else ranks.push([item])
  }
  return below(ranks.map((rank) => beside(rank.map(({ part }) => part()))))
}

/** @param {readonly Step[]} steps @param {number} depth */
const branchesOf = (steps, depth) => {
  /** @type {Map<string, Step[]>} */
  const branches = new Map()
  for (const step of steps) {
    const name = step.scopes[depth + 1] ?? ''
    branches.set(name, [...(branches.get(name) ?? []), step])
  }
  return [...branches].map(([name, own]) => titled(name, sequence(own, depth + 2)))
}

/** What happened, from the steps alone. @param {readonly Step[]} steps @returns {Picture} */
export const pictureOfSteps = (steps) => sequence(steps, 0)

/** All nodes of a graph in layers, each below all that lead to it. @param {GraphView} graph @param {readonly Step[]} steps @returns {Picture} */
export const pictureOfGraph = ({ nodes, edges }, steps) => {
  const names = Object.keys(nodes)
  const byName = new Map(steps.filter(({ scopes }) => scopes.length === 0).map((step) => [step.name, step]))
  const layer = new Map(names.map((name) => [name, 0]))
  // as often as the longest path may be: a graph that runs in a circle never runs, and is drawn all the same
  for (let round = 0; round < names.length; round += 1) {
    for (const { from, to } of edges) layer.set(to, Math.min(names.length, Math.max(layer.get(to) ?? 0, (layer.get(from) ?? 0) + 1)))
  }
  const layers = [...new Set(layer.values())].sort((a, b) => a - b).map((at) => names.filter((name) => layer.get(name) === at))
  const width = Math.max(1, ...layers.map(({ length }) => length)) * (WIDTH + GAP_X) - GAP_X
  /** @type {Map<string, Box>} */
  const boxes = new Map()
  layers.forEach((row, index) => {
    /** @param {string} name */
    const wish = (name) => {
      const above = edges.filter(({ to, from }) => to === name && boxes.has(from)).map(({ from }) => boxes.get(from)?.x ?? 0)
      return above.length > 0 ? above.reduce((a, b) => a + b, 0) / above.length : 0
    }
    const sorted = [...row].sort((a, b) => wish(a) - wish(b))
    const left = (width - (sorted.length * (WIDTH + GAP_X) - GAP_X)) / 2
    sorted.forEach((name, place) => {
      const step = byName.get(name)
      boxes.set(name, { key: step?.key ?? name, x: left + place * (WIDTH + GAP_X), y: index * (HEIGHT + GAP_Y + 14), title: name, ...(step && { step }) })
    })
  })
  const lines = edges.flatMap(({ from, to, by }) => {
    const [a, b] = [boxes.get(from), boxes.get(to)]
    /** @type {Line[]} */
    const found = a && b ? [{
      from: [a.x + WIDTH / 2, a.y + HEIGHT], to: [b.x + WIDTH / 2, b.y], isTaken: Boolean(a.step && b.step) && (by !== 'onError' || a.step?.status === 'failed'),
      ...(by !== undefined && { by }),
    }] : []
    return found
  })
  return { boxes: [...boxes.values()], frames: [], labels: [], lines, width, height: layers.length * (HEIGHT + GAP_Y + 14) - GAP_Y - 14 }
}
