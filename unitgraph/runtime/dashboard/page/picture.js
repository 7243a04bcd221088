/** A run's picture as SVG. Each step leads to its line below; what is drawn is said, too. */
import { s } from './dom.js'
import { HEIGHT, pictureOfGraph, pictureOfSteps, WIDTH } from './layout.js'
import { kindOf, length, nameOf, sign, tookOf } from './words.js'

/** @import { GraphView, Step } from './told.ts' */

const MOST = 200
const EDGE = 8
const LONGEST = 20

/** @param {string} text */
const short = (text) => ([...text].length > LONGEST ? `${[...text].slice(0, LONGEST - 1).join('')}…` : text)

/** @param {readonly Step[]} steps @param {GraphView | null} graph @param {number} now */
export const picture = (steps, graph, now) => {
  const drawn = steps.filter(({ kind }) => kind !== 'cancel').slice(0, MOST)
  if (drawn.length === 0 && !graph) return undefined
  const { boxes, frames, labels, lines, width, height } = graph ? pictureOfGraph(graph, drawn) : pictureOfSteps(drawn)
  const size = { width: width + 2 * EDGE, height: height + 2 * EDGE }
  return s('svg', { class: 'picture', ...size, viewBox: `${-EDGE} ${-EDGE} ${size.width} ${size.height}`, role: 'group', 'aria-label': 'Graph of the run' },
    frames.map((frame) => s('g', { class: 'frame', 'aria-hidden': 'true' },
      s('rect', { x: frame.x, y: frame.y, width: frame.width, height: frame.height, rx: 10 }),
      s('text', { x: frame.x + 12, y: frame.y + 19 }, short(frame.title)))),
    labels.map(({ x, y, title }) => s('text', { class: 'branch', x, y, 'aria-hidden': 'true' }, short(title))),
    lines.map(({ from: [x, y], to: [x2, y2], by, isTaken }) => s('g', { class: isTaken ? 'line taken' : 'line', 'aria-hidden': 'true' },
      s('path', { d: `M${x} ${y}C${x} ${(y + y2) / 2} ${x2} ${(y + y2) / 2} ${x2} ${y2}` }),
      s('path', { class: 'tip', d: `M${x2 - 4} ${y2 - 6}L${x2} ${y2}L${x2 + 4} ${y2 - 6}` }),
      by !== undefined && s('text', { x: (x + x2) / 2, y: (y + y2) / 2 + 3 }, short(by)))),
    boxes.map(({ key, x, y, step, title }) => {
      const status = step?.status ?? 'unreached'
      const inner = [
        s('title', {}, step ? `${title}: ${status}, ${kindOf(step)}` : `${title}: not reached`),
        s('rect', { width: WIDTH, height: HEIGHT, rx: 8 }),
        step && s('g', { transform: 'translate(10 14)' }, inSvg(sign(status))),
        s('text', { class: 'name', x: step ? 34 : 14, y: 19 }, short(step ? nameOf(step) : title)),
        s('text', { class: 'more', x: step ? 34 : 14, y: 34 }, short(step ? [step.kind, length(tookOf(step, now))].join(' · ') : 'not reached')),
      ]
      const attributes = { class: `box ${status}`, transform: `translate(${x} ${y})`, 'data-key': `box ${key}` }
      return step
        ? s('a', { ...attributes, href: '#', 'data-act': 'show', 'data-step': key, 'aria-label': `${nameOf(step)}: ${status}` }, ...inner)
        : s('g', { ...attributes, 'aria-hidden': 'true' }, ...inner)
    }))
}

/** @param {Element} made */
const inSvg = (made) => {
  made.setAttribute('width', '16')
  made.setAttribute('height', '16')
  return made
}

export const isCut = (/** @type {readonly Step[]} */ steps) => steps.length > MOST
