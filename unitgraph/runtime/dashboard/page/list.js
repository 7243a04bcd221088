/** The list of runs, and what is asked of it. */
import { h } from './dom.js'
import { length, moment, sign } from './words.js'

/** @import { Filters, Row } from './told.ts' */

const STATUSES = ['ready', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled']
const SINCES = { hour: 'the last hour', day: 'the last day', week: 'the last week' }

/** @param {string} value @param {string} label @param {string} chosen */
const option = (value, label, chosen) => h('option', { value, selected: value === chosen }, label)

/** @param {Filters} filters @param {readonly string[]} workflows */
export const filterForm = (filters, workflows) => h('form', { class: 'filters', role: 'search', 'aria-label': 'Runs', 'data-act': 'filter' },
  h('label', { class: 'wide' }, h('span', {}, 'Search'),
    h('input', { type: 'search', name: 'text', value: filters.text, maxlength: 200, placeholder: 'id, workflow, reason, input', 'aria-keyshortcuts': '/' })),
  h('label', {}, h('span', {}, 'Workflow'), h('select', { name: 'name' },
    option('', 'any', filters.name), workflows.map((name) => option(name, name, filters.name)))),
  h('label', {}, h('span', {}, 'Status'), h('select', { name: 'status' },
    option('', 'any', filters.status), STATUSES.map((status) => option(status, status, filters.status)))),
  h('label', {}, h('span', {}, 'Begun in'), h('select', { name: 'since' },
    option('', 'all time', filters.since), Object.entries(SINCES).map(([value, label]) => option(value, label, filters.since)))))

/** @param {Row} row @param {string | undefined} chosen @param {(id: string) => string} address */
const item = (row, chosen, address) => h('li', { 'data-key': row.id }, h('a', {
  class: `run ${row.status}`, href: address(row.id), ...(row.id === chosen && { 'aria-current': 'true' }),
},
sign(row.status, row.status),
h('span', { class: 'what' }, h('span', { class: 'name' }, row.workflow), h('code', {}, row.id), row.reason && h('span', { class: 'reason' }, row.reason)),
h('span', { class: 'when' }, moment(row.createdAt), row.finishedAt && h('span', { class: 'took' }, length(Date.parse(row.finishedAt) - Date.parse(row.createdAt))))))

/** @param {{ rows: readonly Row[], hasMore: boolean, chosen: string | undefined, address: (id: string) => string, isFiltered: boolean }} state */
export const runList = ({ rows, hasMore, chosen, address, isFiltered }) => h('div', {},
  rows.length === 0
    ? h('p', { class: 'empty' }, isFiltered ? 'No run is like that.' : 'No workflow has been started yet.')
    : h('ol', { class: 'runs', 'aria-label': 'Runs' }, rows.map((row) => item(row, chosen, address))),
  hasMore && h('p', { class: 'row more' }, h('button', { type: 'button', 'data-act': 'more' }, 'Show more')))
