/** A run's steps, one line each: when, for how long, what came of it; unfolded, all that is known of it. */
import { h, s } from './dom.js'
import { badge, kindOf, length, moment, nameOf, sign, tookOf } from './words.js'

/** @import { Run, Step } from './told.ts' */

const SHOWN = 300

/** @param {{ text: string, of?: number }} shown @param {string} label */
export const value = ({ text, of }, label) => h('div', { class: 'value' },
  h('h4', {}, label),
  h('pre', { tabindex: 0, 'aria-label': label }, text),
  of !== undefined && h('p', { class: 'hint' }, `The first ${text.length.toLocaleString('en')} of ${of.toLocaleString('en')} characters.`))

/** @param {{ name: string, message: string }} error @param {string} label */
export const failure = ({ name, message }, label) => h('div', { class: 'value' },
  h('h4', {}, label), h('pre', { class: 'wrong', tabindex: 0, 'aria-label': label }, `${name}: ${message}`))

/** The step's bar within the run's time, with each attempt. @param {Step} step @param {number} start @param {number} end */
const bar = (step, start, end) => {
  const whole = Math.max(end - start, 1)
  /** @param {number} from @param {number} to */
  const place = (from, to) => ({ x: `${(((from - start) / whole) * 100).toFixed(3)}%`, width: `${Math.max(((to - from) / whole) * 100, 0.4).toFixed(3)}%` })
  const own = { from: Date.parse(step.startedAt), to: step.endedAt ? Date.parse(step.endedAt) : end }
  return s('svg', { class: 'bar', 'aria-hidden': 'true', preserveAspectRatio: 'none' },
    s('rect', { class: `whole ${step.status}`, y: 3, height: 10, rx: 3, ...place(own.from, own.to) }),
    step.attempts.length > 1 && step.attempts.map(({ startedAt, endedAt, error }) =>
      s('rect', { class: error ? 'attempt failed' : 'attempt', y: 3, height: 10, rx: 3, ...place(Date.parse(startedAt), endedAt ? Date.parse(endedAt) : own.to) })))
}

/** @param {Step} step */
const attempts = ({ attempts }) => h('div', { class: 'value' }, h('h4', {}, 'Attempts'), h('ol', { class: 'attempts' },
  attempts.map(({ startedAt, endedAt, error }) => h('li', {},
    sign(error ? 'failed' : endedAt ? 'completed' : 'running', error ? 'failed' : endedAt ? 'completed' : 'under way'), ' ',
    moment(startedAt), endedAt && `, ${length(Date.parse(endedAt) - Date.parse(startedAt))}`, error && h('span', { class: 'wrong' }, ` ${error.name}: ${error.message}`)))))

/** What is folded is not made. @param {Step} step @param {number} start @param {number} end @param {number} now @param {boolean} isOpen */
const line = (step, start, end, now, isOpen) => {
  const took = length(tookOf(step, now))
  return h('li', { 'data-key': `step ${step.key}` }, h('details', { class: `step ${step.status}`, 'data-step': step.key },
    h('summary', { 'aria-label': `${nameOf(step)}, ${kindOf(step)}: ${step.status}, ${took}` },
      sign(step.status),
      h('span', { class: 'name' }, step.scopes.length > 0 && h('span', { class: 'scope' }, `${step.scopes.join(' / ')} / `), nameOf(step)),
      h('span', { class: 'kind' }, kindOf(step)), bar(step, start, end), h('span', { class: 'took' }, took)),
    isOpen && h('div', { class: 'inner' },
      h('p', { class: 'facts' }, badge(step.status), ' began ', moment(step.startedAt), step.endedAt && [', ended ', moment(step.endedAt)],
        step.until && [step.kind === 'sleep' ? ', goes on ' : step.status === 'retrying' ? ', is tried again ' : ', is over ', moment(step.until)]),
      step.attempts.length > 1 && attempts(step),
      step.input && value(step.input, 'Input'),
      step.error && failure(step.error, 'Error'),
      step.value && value(step.value, 'Result'),
      h('p', { class: 'row' },
        step.child && h('a', { class: 'button', href: `#run=${encodeURIComponent(step.child)}` }, 'Open its run'),
        h('button', { type: 'button', 'data-act': 'fork', 'data-step': step.key }, 'Fork from this step')))))
}

/** @param {Run} run @param {number} now @param {boolean} isWhole @param {ReadonlySet<string>} unfolded */
export const timeline = (run, now, isWhole, unfolded) => {
  const start = Date.parse(run.createdAt)
  const end = run.finishedAt ? Date.parse(run.finishedAt) : now
  const steps = run.steps.filter(({ kind }) => kind !== 'cancel')
  const hidden = isWhole ? 0 : Math.max(steps.length - SHOWN, 0)
  if (steps.length === 0) return h('p', { class: 'hint' }, 'No step has come to anything yet.')
  return h('div', {},
    hidden > 0 && h('p', { class: 'row' }, h('button', { type: 'button', 'data-act': 'whole' }, `Show ${hidden.toLocaleString('en')} earlier steps`)),
    h('ol', { class: 'timeline', 'aria-label': 'Steps' }, steps.slice(hidden).map((step) => line(step, start, end, now, unfolded.has(step.key)))))
}
