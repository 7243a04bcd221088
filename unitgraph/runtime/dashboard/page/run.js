/** One run: what it is, what may be done to it, its picture, its steps, what went in and came out. */
import { h } from './dom.js'
import { isCut, picture } from './picture.js'
import { failure, timeline, value } from './timeline.js'
import { badge, length, moment, nameOf } from './words.js'

/** @import { GraphView, Run, Step } from './told.ts' */

const ENDS = new Set(['completed', 'failed', 'cancelled'])

/** @param {Run | undefined} run */
export const hasEnded = (run) => run !== undefined && ENDS.has(run.status)

/** @param {Step} step */
const decision = (step) => h('section', { class: 'card decision', 'data-key': `decision ${step.key}`, 'aria-label': `Decision: ${nameOf(step)}` },
  h('p', {}, h('strong', {}, nameOf(step)), ' waits for a decision', step.until && [', which is due ', moment(step.until)], '.'),
  h('p', { class: 'row' },
    h('button', { type: 'button', class: 'primary', 'data-act': 'approve', 'data-step': step.key }, 'Approve'),
    h('button', { type: 'button', 'data-act': 'decline', 'data-step': step.key }, 'Decline…')))

/** @param {Step} step */
const awaited = (step) => h('section', { class: 'card', 'data-key': `event ${step.key}` },
  h('p', {}, h('strong', {}, nameOf(step)), ' waits for the event ', h('code', {}, step.target), step.until && [', which is due ', moment(step.until)], '.'),
  h('p', { class: 'row' }, h('button', { type: 'button', 'data-act': 'event', 'data-event': step.target }, 'Send it…')))

/** @param {Run} run @param {number} now */
const facts = (run, now) => h('dl', { class: 'facts' },
  h('div', {}, h('dt', {}, 'Began'), h('dd', {}, moment(run.createdAt))),
  run.finishedAt
    ? h('div', {}, h('dt', {}, 'Ended'), h('dd', {}, moment(run.finishedAt)))
    : run.dueAt && h('div', {}, h('dt', {}, 'Goes on'), h('dd', {}, moment(run.dueAt))),
  h('div', {}, h('dt', {}, run.finishedAt ? 'Took' : 'So far'), h('dd', {}, length((run.finishedAt ? Date.parse(run.finishedAt) : now) - Date.parse(run.createdAt)))),
  h('div', {}, h('dt', {}, 'Version'), h('dd', {}, h('code', {}, run.version.slice(0, 8)))),
  run.parent && h('div', {}, h('dt', {}, 'Child of'), h('dd', {}, h('a', { href: `#run=${encodeURIComponent(run.parent)}` }, run.parent))),
  run.recoveries > 0 && h('div', {}, h('dt', {}, 'Recovered'), h('dd', {}, `${run.recoveries} ×`)))

/** @param {Run} run */
const actions = (run) => h('p', { class: 'row actions' },
  run.status === 'paused' && h('button', { type: 'button', class: 'primary', 'data-act': 'resume' }, 'Resume'),
  !ENDS.has(run.status) && h('button', { type: 'button', 'data-act': 'event' }, 'Send an event…'),
  h('button', { type: 'button', 'data-act': 'fork' }, 'Fork'),
  !ENDS.has(run.status) && !run.cancelAskedAt && h('button', { type: 'button', class: 'danger', 'data-act': 'cancel' }, 'Cancel…'))

/** @param {{ run: Run, graph: GraphView | null, isWhole: boolean, isLost: boolean, unfolded: ReadonlySet<string> }} state */
export const runView = ({ run, graph, isWhole, isLost, unfolded }) => {
  const now = Date.now()
  const drawing = picture(run.steps, graph, now)
  const open = run.steps.filter(({ status }) => status === 'waiting')
  return h('article', { 'aria-labelledby': 'run-title' },
    h('header', { class: 'head' },
      h('a', { class: 'back', href: '#' }, '← All runs'),
      h('h2', { id: 'run-title', tabindex: -1 }, run.workflow, ' ', badge(run.status)),
      h('p', { class: 'id' }, h('code', {}, run.id), ' ', h('button', { type: 'button', class: 'small', 'data-act': 'copy', 'data-text': run.id }, 'Copy')),
      isLost && h('p', { class: 'notice' }, 'The connection is lost; it is tried again.'),
      run.reason && h('p', { class: run.status === 'failed' || run.status === 'paused' ? 'notice wrong' : 'notice' }, run.reason),
      run.cancelAskedAt && !ENDS.has(run.status) && h('p', { class: 'notice' }, 'Its end was asked for ', moment(run.cancelAskedAt), '.'),
      facts(run, now), actions(run)),
    ENDS.has(run.status) ? null : open.filter(({ kind }) => kind === 'approval').map(decision),
    ENDS.has(run.status) ? null : open.filter(({ kind }) => kind === 'event').map(awaited),
    drawing && h('section', { class: 'card', 'aria-label': 'Graph' }, h('h3', {}, 'Graph'),
      isCut(run.steps) && h('p', { class: 'hint' }, 'Of its first 200 steps.'), h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Graph, scrollable' }, drawing)),
    h('section', { class: 'card' }, h('h3', {}, 'Timeline'), timeline(run, now, isWhole, unfolded)),
    h('section', { class: 'card' }, h('h3', {}, 'Input and output'),
      value(run.input, 'Input'), run.output && value(run.output, 'Output'), run.error && failure(run.error, 'Error'), run.session && value(run.session, 'Begun by')),
    run.messages.length > 0 && h('section', { class: 'card' }, h('h3', {}, 'Sent to it'),
      h('ol', { class: 'messages' }, run.messages.map(({ type, by, at, payload }) => h('li', {},
        h('p', {}, h('code', {}, type), by && [' by ', h('strong', {}, by)], ', ', moment(at)), h('pre', { tabindex: 0, 'aria-label': type }, payload.text))))))
}
