/** The page: what it knows, what it shows of that, and what people do to it. */
import { act, events, graph, Refused, runs, session, signIn, signOut, workflows } from './asking.js'
import { askFor } from './dialogs.js'
import { byId, h, morph } from './dom.js'
import { filterForm, runList } from './list.js'
import { hasEnded, runView } from './run.js'

/** @import { Filters, GraphView, Row, Run } from './told.ts' */

const LOOK_MS = 2000
const SPARING = 20
const DRAW_MS = 1000
const TYPED_MS = 250
/** What the server gives at once. */
const PAGE = 50
const NAMES = /** @type {const} */ (['text', 'name', 'status', 'since'])

/** @type {{ rows: Row[], next: string | null, run: Run | undefined, graph: GraphView | null, isWhole: boolean, isLost: boolean, unfolded: Set<string>, source: EventSource | undefined, shown: string }} */
const known = { rows: [], next: null, run: undefined, graph: null, isWhole: false, isLost: false, unfolded: new Set(), source: undefined, shown: '' }
/** @type {Map<string, GraphView | null>} */
const graphs = new Map()
const main = byId('main')

/** @param {string} text */
const say = (text) => { byId('news').textContent = text }

const address = () => new URLSearchParams(location.hash.slice(1))
const chosen = () => address().get('run') ?? undefined

/** @returns {Filters} */
const filters = () => {
  const given = address()
  return { text: given.get('text') ?? '', name: given.get('name') ?? '', status: given.get('status') ?? '', since: given.get('since') ?? '' }
}

/** The address of what is shown, with something changed. @param {Record<string, string | undefined>} change */
const addressWith = (change) => {
  const given = address()
  for (const [name, value] of Object.entries(change)) if (value) given.set(name, value); else given.delete(name)
  for (const name of [...given.keys()]) if (name !== 'run' && !NAMES.some((one) => one === name)) given.delete(name)
  return `#${given}`
}

/** Once somebody may look: the form, the list, the run. */
const layOut = (/** @type {readonly string[]} */ names) => main.replaceChildren(
  h('section', { class: 'side', 'aria-label': 'All runs' }, filterForm(filters(), names), h('div', { id: 'list' })),
  h('section', { class: 'detail', id: 'detail', 'aria-label': 'The run' }))

const drawList = () => {
  const isFiltered = NAMES.some((name) => filters()[name] !== '')
  morph(byId('list'), h('div', { id: 'list' }, runList({ rows: known.rows, hasMore: known.next !== null, chosen: chosen(), address: (id) => addressWith({ run: id }), isFiltered })))
}

const drawRun = () => {
  const { run } = known
  document.body.classList.toggle('chosen', chosen() !== undefined)
  document.title = run ? `${run.workflow} ${run.status} · Runs` : 'Runs'
  const view = run ? runView({ ...known, run }) : h('p', { class: 'empty' }, chosen() === undefined ? 'Choose a run to see its steps.' : known.shown === '' ? 'One moment…' : known.shown)
  morph(byId('detail'), h('section', { class: 'detail', id: 'detail', 'aria-label': 'The run' }, view))
}

/** Newest first, each once: what was asked now stands before what was known, and what it left out is gone. */
const refresh = async () => {
  const asked = addressWith({ run: undefined })
  const { runs: rows, next } = await runs(filters(), null)
  if (asked !== addressWith({ run: undefined })) return
  const last = rows.at(-1)
  const older = next === null || !last ? [] : known.rows.filter(({ createdAt, id }) => createdAt < last.createdAt || (createdAt === last.createdAt && id < last.id))
  if (older.length === 0) known.next = next
  known.rows = [...rows, ...older]
  drawList()
}

const more = async () => {
  if (known.next === null) return
  const { runs: rows, next } = await runs(filters(), known.next)
  const ids = new Set(known.rows.map(({ id }) => id))
  known.rows = [...known.rows, ...rows.filter(({ id }) => !ids.has(id))]
  known.next = next
  drawList()
  say(`${rows.length} more`)
}

/** @param {string} workflow */
const learnGraph = async (workflow) => {
  if (!graphs.has(workflow)) {
    graphs.set(workflow, null)
    graphs.set(workflow, await graph(workflow).catch(() => null))
  }
  if (known.run?.workflow !== workflow) return
  known.graph = graphs.get(workflow) ?? null
  drawRun()
}

/** Follows the run that the address names, and lets go of the one before. */
const follow = () => {
  const id = chosen()
  known.source?.close()
  Object.assign(known, { run: undefined, graph: null, isWhole: false, isLost: false, unfolded: new Set(), source: undefined, shown: '' })
  drawRun()
  if (id === undefined) return
  const source = events(id)
  known.source = source
  let isFirst = true
  source.onmessage = ({ data }) => {
    const before = known.run?.status
    known.run = JSON.parse(data)
    known.isLost = false
    if (known.run && before !== undefined && before !== known.run.status) say(`${known.run.workflow} is ${known.run.status}`)
    if (known.run && isFirst) void learnGraph(known.run.workflow)
    drawRun()
    if (isFirst) document.getElementById('run-title')?.focus({ preventScroll: true })
    isFirst = false
  }
  source.addEventListener('end', () => source.close())
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) {
      // refused: there is no such run, or nobody is signed in any more
      known.shown = 'There is no such run.'
      tried(session().then(({ by }) => by ?? showSignIn()))
    } else known.isLost = true
    drawRun()
  }
}

/** What is done for people: what went wrong is said, and who isn't signed in any more is asked. @param {Promise<unknown>} work */
const tried = (work) => work.catch((error) => {
  if (error instanceof Refused && error.status === 401) return showSignIn()
  say(error instanceof Error ? error.message : String(error))
})

/** @param {'approve' | 'event' | 'cancel' | 'resume' | 'fork'} what @param {object} body @param {string} said */
const done = async (what, body, said) => {
  const id = chosen()
  if (id === undefined) return undefined
  const answer = await act(id, what, body)
  say(said)
  await refresh()
  return answer
}

/** @param {Record<string, string>} given */
const readsJson = ({ data = '' }) => {
  try {
    if (data.trim() !== '') JSON.parse(data)
    return undefined
  } catch (error) {
    return `The data is not JSON: ${error instanceof Error ? error.message : error}`
  }
}

/** @type {Readonly<Record<string, (element: HTMLElement) => unknown>>} */
const ACTS = {
  more: () => more(),
  whole: () => { known.isWhole = true; drawRun() },
  copy: async ({ dataset }) => { await navigator.clipboard.writeText(dataset['text'] ?? ''); say('Copied') },
  show: ({ dataset }) => {
    const line = /** @type {HTMLDetailsElement | null} */ (document.querySelector(`details[data-step="${CSS.escape(dataset['step'] ?? '')}"]`))
    if (!line) return
    line.open = true
    line.querySelector('summary')?.focus()
    line.scrollIntoView({ block: 'nearest' })
  },
  approve: ({ dataset }) => done('approve', { step: dataset['step'], approved: true }, 'Approved'),
  decline: async ({ dataset }) => {
    const given = await askFor({ title: 'Decline', fields: [{ name: 'reason', label: 'Reason', hint: 'The workflow is told it.' }], done: 'Decline', isDanger: true })
    if (given) await done('approve', { step: dataset['step'], approved: false, ...(given['reason'] && { reason: given['reason'] }) }, 'Declined')
  },
  event: async ({ dataset }) => {
    const given = await askFor({
      title: 'Send an event', done: 'Send', check: readsJson,
      fields: [{ name: 'event', label: 'Event', value: dataset['event'] ?? '', isNeeded: true }, { name: 'data', label: 'Data', kind: 'json', hint: 'JSON, or nothing.' }],
    })
    if (given) await done('event', { event: given['event'], ...(given['data']?.trim() && { data: JSON.parse(given['data']) }) }, 'Sent')
  },
  cancel: async () => {
    const text = 'No step begins any more. The code may tidy up for ten seconds.'
    const given = await askFor({ title: 'Cancel this run', text, fields: [{ name: 'reason', label: 'Reason' }], done: 'Cancel the run', isDanger: true })
    if (given) await done('cancel', given['reason'] ? { reason: given['reason'] } : {}, 'Its end was asked for')
  },
  resume: () => done('resume', {}, 'Resumed'),
  fork: async ({ dataset }) => {
    const { step } = dataset
    const text = step === undefined ? 'A new run with the same input begins from the start.' : 'A new run takes over all results from before this step, and goes on from it.'
    if (!(await askFor({ title: step === undefined ? 'Fork this run' : `Fork from ${step}`, text, done: 'Fork' }))) return
    const answer = await done('fork', step === undefined ? {} : { step }, 'Forked: this is the new run')
    location.hash = addressWith({ run: answer.id })
  },
}

document.addEventListener('click', (event) => {
  const element = event.target instanceof Element ? event.target.closest('[data-act]:not(form)') : null
  const work = element && ACTS[element.getAttribute('data-act') ?? '']
  if (!element || !work) return
  event.preventDefault()
  tried(Promise.resolve(work(/** @type {HTMLElement} */ (element))))
})

document.addEventListener('toggle', ({ target }) => {
  const step = target instanceof HTMLDetailsElement ? target.dataset['step'] : undefined
  if (step === undefined || !(target instanceof HTMLDetailsElement) || target.open === known.unfolded.has(step)) return
  if (target.open) known.unfolded.add(step)
  else known.unfolded.delete(step)
  drawRun()
}, { capture: true })

let typing = 0
main.addEventListener('input', (event) => {
  const form = event.target instanceof Element ? event.target.closest('form[data-act=filter]') : null
  if (!form) return
  clearTimeout(typing)
  typing = window.setTimeout(() => {
    const given = new FormData(/** @type {HTMLFormElement} */ (form))
    history.replaceState(null, '', addressWith(Object.fromEntries(NAMES.map((name) => [name, String(given.get(name) ?? '')]))))
    known.rows = []
    known.next = null
    tried(refresh().then(() => say(known.rows.length === PAGE ? `${PAGE} runs or more` : known.rows.length === 1 ? '1 run' : `${known.rows.length} runs`)))
  }, TYPED_MS)
})
main.addEventListener('submit', (event) => {
  if (event.target instanceof Element && event.target.matches('form[data-act=filter]')) event.preventDefault()
})

document.addEventListener('keydown', (event) => {
  const at = document.activeElement
  if (event.altKey || event.ctrlKey || event.metaKey) return
  if (event.key === '/' && !(at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement)) {
    event.preventDefault()
    const search = /** @type {HTMLElement | null} */ (document.querySelector('input[type=search]'))
    return search?.focus()
  }
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('a.run')])
  const place = links.indexOf(/** @type {HTMLElement} */ (at))
  if (step === 0 || place < 0) return
  event.preventDefault()
  links[place + step]?.focus()
})

byId('sign-out').addEventListener('click', () => void tried(signOut().then(() => showSignIn())))

let followed = /** @type {string | undefined} */ (undefined)
window.addEventListener('hashchange', () => {
  if (!document.getElementById('list')) return
  if (chosen() !== followed) {
    followed = chosen()
    follow()
  }
  drawList()
})

const showSignIn = () => {
  known.source?.close()
  byId('sign-out').hidden = true
  document.body.classList.remove('chosen')
  const wrong = h('p', { class: 'wrong', role: 'alert' })
  const form = h('form', { class: 'card sign-in' },
    h('h2', {}, 'Sign in'), h('p', {}, 'With the token that the server was started with.'),
    h('input', { name: 'username', value: 'dashboard', autocomplete: 'username', hidden: true }),
    h('label', {}, h('span', {}, 'Token'), h('input', { type: 'password', name: 'token', required: true, autocomplete: 'current-password' })),
    wrong, h('p', { class: 'row end' }, h('button', { type: 'submit', class: 'primary' }, 'Sign in')))
  const secret = /** @type {HTMLInputElement | null} */ (form.querySelector('[type=password]'))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    wrong.textContent = ''
    signIn(String(new FormData(/** @type {HTMLFormElement} */ (form)).get('token'))).then(start, (error) => {
      wrong.textContent = error.message
      secret?.select()
    })
  })
  main.replaceChildren(form)
  secret?.focus()
}

const start = async () => {
  try {
    const { project, by } = await session()
    byId('project').textContent = project
    if (by === null) return showSignIn()
    byId('sign-out').hidden = by !== 'cookie'
    layOut(await workflows())
    await refresh()
    followed = chosen()
    follow()
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return showSignIn()
    main.replaceChildren(h('p', { class: 'empty', role: 'alert' }, error instanceof Error ? error.message : String(error)))
  }
}

/** A search that takes the server long is asked again as much later. */
const look = async () => {
  const began = performance.now()
  if (!document.hidden && document.getElementById('list')) await tried(refresh())
  setTimeout(look, Math.max(LOOK_MS, SPARING * (performance.now() - began)))
}
/** Times go on; a run with so many steps that it takes long is drawn as much less often. */
const tick = () => {
  const began = performance.now()
  if (!document.hidden && known.run && !hasEnded(known.run) && document.getElementById('detail')) drawRun()
  setTimeout(tick, Math.max(DRAW_MS, SPARING * (performance.now() - began)))
}
void start()
setTimeout(look, LOOK_MS)
setTimeout(tick, DRAW_MS)
