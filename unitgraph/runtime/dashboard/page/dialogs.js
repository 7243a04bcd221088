/** What is asked before something is done: native dialogs, which keep the keyboard inside and end with Escape. */
import { byId, h } from './dom.js'

/** @typedef {{ name: string, label: string, kind?: 'text' | 'json', value?: string, hint?: string, isNeeded?: boolean }} Field */

/** @param {Field} field */
const fieldOf = ({ name, label, kind = 'text', value = '', hint, isNeeded }) => h('label', {}, h('span', {}, label),
  kind === 'json' ? h('textarea', { name, rows: 5, spellcheck: 'false' }, value) : h('input', { name, value, required: isNeeded, autocomplete: 'off' }),
  hint && h('small', {}, hint))

/**
 * What was filled in, or undefined where it was called off. `check` says what is wrong with it.
 * @param {{ title: string, text?: string, fields?: readonly Field[], done: string, isDanger?: boolean, check?: (given: Record<string, string>) => string | undefined }} asked
 * @returns {Promise<Record<string, string> | undefined>}
 */
export const askFor = ({ title, text, fields = [], done, isDanger = false, check }) => new Promise((resolve) => {
  const before = /** @type {HTMLElement | null} */ (document.activeElement)
  const wrong = h('p', { class: 'wrong', role: 'alert' })
  const form = h('form', { method: 'dialog' },
    h('h2', { id: 'dialog-title' }, title), text && h('p', {}, text), fields.map(fieldOf), wrong,
    h('p', { class: 'row end' }, h('button', { type: 'button', value: 'off' }, 'Back'), h('button', { type: 'submit', class: isDanger ? 'danger' : 'primary' }, done)))
  const dialog = /** @type {HTMLDialogElement} */ (h('dialog', { 'aria-labelledby': 'dialog-title' }, form))
  /** @type {Record<string, string> | undefined} */
  let given
  form.querySelector('[value=off]')?.addEventListener('click', () => dialog.close())
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const filled = Object.fromEntries([...new FormData(/** @type {HTMLFormElement} */ (form))].map(([name, value]) => [name, String(value)]))
    const problem = check?.(filled)
    wrong.textContent = problem ?? ''
    if (problem !== undefined) return
    given = filled
    dialog.close()
  })
  dialog.addEventListener('close', () => {
    dialog.remove()
    before?.focus()
    resolve(given)
  })
  byId('dialogs').append(dialog)
  dialog.showModal()
})
