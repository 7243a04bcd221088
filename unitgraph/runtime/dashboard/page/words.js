/** Times, lengths and states in words and signs. Pure but for the clock. */
import { h, s } from './dom.js'

/** @import { Step } from './told.ts' */

const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })

/** The greatest unit alone. @param {string} time */
const away = (time) => {
  const ms = Date.parse(time) - Date.now()
  if (Math.abs(ms) < 1000) return 'just now'
  const words = length(Math.abs(ms) < 60_000 ? Math.floor(Math.abs(ms) / 1000) * 1000 : Math.abs(ms)).replace(/\.0/, '')
  return ms < 0 ? `${words.split(' ').slice(0, 2).join(' ')} ago` : `in ${words}`
}

/** @param {string} time */
export const moment = (time) => h('time', { datetime: time, title: exact.format(new Date(time)) }, away(time))

/** @param {number} ms */
export const length = (ms) => {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`
  const [s, m, hrs, d] = [Math.floor(ms / 1000) % 60, Math.floor(ms / 60_000) % 60, Math.floor(ms / 3_600_000) % 24, Math.floor(ms / 86_400_000)]
  if (d > 0) return `${d} d${hrs ? ` ${hrs} h` : ''}`
  if (hrs > 0) return `${hrs} h${m ? ` ${m} min` : ''}`
  return m > 0 ? `${m} min${s ? ` ${s} s` : ''}` : `${s} s`
}

/** @type {Readonly<Record<string, string>>} */
const SIGNS = {
  completed: 'M4.2 8.4 7 11.2 12 5.4', failed: 'M5 5l6 6M11 5l-6 6', cancelled: 'M4.8 11.2 11.2 4.8', paused: 'M6 5v6M10 5v6',
  running: 'M6.4 5.2v5.6L11 8z', waiting: 'M8 4.6V8l2.4 1.6', retrying: 'M11 6.2A3.4 3.4 0 1 0 11.3 9M11.4 4.2v2.4H9', ready: 'M8 5v6M5 8h6',
}

/** The sign of a state; its name is beside it, or said by `label`. @param {string} status @param {string} [label] */
export const sign = (status, label) =>
  s('svg', { class: `sign ${status}`, viewBox: '0 0 16 16', ...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' }) },
    s('circle', { cx: 8, cy: 8, r: 7 }), s('path', { d: SIGNS[status] ?? '' }))

/** @param {string} status */
export const badge = (status) => h('span', { class: `badge ${status}` }, sign(status), status)

/** @type {Readonly<Record<Step['kind'], string>>} */
const KINDS = {
  inline: 'code', rpc: 'calls', child: 'workflow', sleep: 'sleep', approval: 'approval', event: 'waits for', now: 'time', random: 'chance', uuid: 'id',
  patch: 'patch', cancel: 'its end was asked for', undo: 'undoes',
}

/** What a step is. @param {Step} step */
export const kindOf = ({ kind, target }) => `${KINDS[kind] ?? kind}${target ? ` ${target}` : ''}`

/** @param {Step} step */
export const nameOf = ({ name, nth }) => (nth > 1 ? `${name} · ${nth}` : name)

/** @param {Step} step @param {number} now */
export const tookOf = ({ startedAt, endedAt }, now) => (endedAt ? Date.parse(endedAt) : now) - Date.parse(startedAt)
