/**
 * Elements from data, and a tree that is brought to look like another one: what is there stays, so that focus, scrolling
 * and what is unfolded do. Text is only ever text. Knows the DOM, nothing of runs.
 */

/** @typedef {Node | string | number | false | null | undefined} One */
/** @typedef {One | readonly One[]} Child */
/** @typedef {Readonly<Record<string, string | number | boolean | null | undefined>>} Attributes */

const SVG = 'http://www.w3.org/2000/svg'

/** @param {Element} element @param {Attributes} attributes @param {readonly Child[]} children */
const filled = (element, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? '' : String(value))
  }
  for (const child of children.flat()) {
    if (child !== false && child !== null && child !== undefined) element.append(child instanceof Node ? child : String(child))
  }
  return element
}

/** @param {string} tag @param {Attributes} attributes @param {...Child} children */
export const h = (tag, attributes, ...children) => filled(document.createElement(tag), attributes, children)

/** @param {string} tag @param {Attributes} attributes @param {...Child} children */
export const s = (tag, attributes, ...children) => filled(document.createElementNS(SVG, tag), attributes, children)

/** What people change themselves, and is theirs. */
const OWN = new Set(['open', 'value'])

/** @param {Element} now @param {Element} wanted */
const dress = (now, wanted) => {
  for (const { name, value } of wanted.attributes) if (!OWN.has(name) && now.getAttribute(name) !== value) now.setAttribute(name, value)
  for (const { name } of [...now.attributes]) if (!OWN.has(name) && !wanted.hasAttribute(name)) now.removeAttribute(name)
}

/** @param {Node} node */
const keyOf = (node) => (node instanceof Element ? node.getAttribute('data-key') : null)

/** @param {Node} a @param {Node} b */
const isAlike = (a, b) => a.nodeName === b.nodeName && keyOf(a) === keyOf(b)

/** Makes `now` look like `wanted`. @param {Element} now @param {Element} wanted */
export const morph = (now, wanted) => {
  dress(now, wanted)
  const keyed = new Map([...now.childNodes].flatMap((node) => (keyOf(node) === null ? [] : [[keyOf(node), node]])))
  let at = now.firstChild
  for (const child of [...wanted.childNodes]) {
    const key = keyOf(child)
    const known = key === null ? undefined : keyed.get(key)
    if (known && known !== at && isAlike(known, child)) now.insertBefore(known, at)
    else if (known && known === at) at = at.nextSibling
    const here = known && isAlike(known, child) ? known : at && isAlike(at, child) ? at : undefined
    if (!here) {
      now.insertBefore(child, at)
      continue
    }
    if (here === at) at = at.nextSibling
    if (here instanceof Element) morph(here, /** @type {Element} */ (child))
    else if (here.nodeValue !== child.nodeValue) here.nodeValue = child.nodeValue
  }
  while (at) {
    const next = at.nextSibling
    at.remove()
    at = next
  }
}

/** The element with an id, which the page has. @param {string} id */
export const byId = (id) => {
  const found = document.getElementById(id)
  if (!found) throw new Error(`The page has no ${id}`)
  return found
}
