/** The shop's page: everything that it knows of the shop it asks by the generated client. */
import { ApiError, createClient, NoAnswerError, type Serialised } from '#pikku/client'
import type { Book } from '../src/books/book.ts'
import type { OrderLine } from '../src/orders/order.ts'

type Genre = Book['genre']

const TOKEN = 'bookshop.token'
const shop = createClient({ token: () => sessionStorage.getItem(TOKEN), retries: 2 })
const money = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' })
const basket = new Map<string, { book: Serialised<Book>; quantity: number }>()

const find = <E extends HTMLElement = HTMLElement>(id: string): E => {
  const found = document.getElementById(id)
  if (!found) throw new Error(`The page has no ${id}`)
  return found as E
}
const priced = (cents: number): string => money.format(cents / 100)

const make = <K extends keyof HTMLElementTagNameMap>(
  tag: K, given: Partial<HTMLElementTagNameMap[K]>, ...inner: (Node | string)[]
): HTMLElementTagNameMap[K] => {
  const made = Object.assign(document.createElement(tag), given)
  made.append(...inner)
  return made
}

/** Fills a list anew; who stood in it with the keyboard stands at the same place afterwards. */
const refill = (list: HTMLElement, rows: Node[]): void => {
  const focused = list.contains(document.activeElement) ? document.activeElement?.id : undefined
  list.replaceChildren(...rows)
  if (focused) document.getElementById(focused)?.focus()
}

/** What went wrong, in words for whoever looks at the page. */
const worded = (error: unknown): string => {
  if (error instanceof ApiError) {
    return error.code === 'internal' ? `Something is broken in the shop. Please mention ${error.requestId}.` : error.message
  }
  if (error instanceof NoAnswerError) return 'The shop can’t be reached. Please try again.'
  throw error
}

/** Says what went wrong in a place of the page. */
const said = (place: HTMLElement, error: unknown): void => {
  place.textContent = worded(error)
}

const lines = (): OrderLine[] => [...basket].map(([isbn, { quantity }]) => ({ isbn, quantity }))

// ---- the shelf

const card = (book: Serialised<Book>): HTMLLIElement => {
  const add = make('button', { type: 'button', id: `add-${book.isbn}`, disabled: book.stock === 0 }, book.stock === 0 ? 'Sold out' : 'Add')
  add.setAttribute('aria-label', `Add ${book.title} to the basket`)
  add.addEventListener('click', () => put(book, (basket.get(book.isbn)?.quantity ?? 0) + 1))
  return make('li', { className: `book ${book.genre}` },
    make('div', {},
      make('h3', { className: 'title' }, book.title),
      make('p', { className: 'author' }, book.author)),
    make('p', { className: 'stock' }, book.stock === 0 ? 'None left' : book.stock < 3 ? `Only ${book.stock} left` : 'In stock'),
    make('div', { className: 'buy' }, make('span', { className: 'price' }, priced(book.priceCents)), add))
}

let searching: AbortController | undefined

const search = async (): Promise<void> => {
  searching?.abort()
  const { signal } = (searching = new AbortController())
  const given = new FormData(find<HTMLFormElement>('search'))
  const [author, genre] = [String(given.get('author')).trim(), String(given.get('genre'))]
  try {
    const asked = { ...(author && { author }), ...(genre && { genre: genre as Genre }) }
    const { books, total } = await shop.get('/api/books', asked, { signal })
    refill(find('shelf'), books.map(card))
    find('found').textContent = total === 0 ? 'No book is like that.' : total === 1 ? 'One book' : `${total} books`
  } catch (error) {
    if (!signal.aborted) said(find('found'), error)
  }
}

// ---- the basket

const put = (book: Serialised<Book>, quantity: number): void => {
  if (quantity < 1) basket.delete(book.isbn)
  else basket.set(book.isbn, { book, quantity })
  void showBasket()
}

const row = ({ book, quantity }: { book: Serialised<Book>; quantity: number }): HTMLLIElement => {
  const copies = make('input', { type: 'number', min: '0', max: '99', value: String(quantity), id: `copies-${book.isbn}` })
  copies.addEventListener('change', () => put(book, Number(copies.value)))
  return make('li', { className: 'line' }, make('label', { htmlFor: copies.id }, `Copies of ${book.title}`), copies)
}

const showBasket = async (): Promise<void> => {
  const filled = basket.size > 0
  refill(find('basket'), [...basket.values()].map(row))
  find('empty').hidden = filled
  find('sums').hidden = !filled
  find<HTMLButtonElement>('order').disabled = !filled
  if (!filled) return
  try {
    const { goodsCents, shippingCents, totalCents } = await shop.rpc.invoke('quoteOrder', { lines: lines() })
    find('goods').textContent = priced(goodsCents)
    find('shipping').textContent = shippingCents === 0 ? 'free' : priced(shippingCents)
    find('total').textContent = priced(totalCents)
  } catch (error) {
    said(find('said'), error)
  }
}

const order = async (): Promise<void> => {
  if (!sessionStorage.getItem(TOKEN)) return find<HTMLDialogElement>('sign-in').showModal()
  const [button, words, steps] = [find<HTMLButtonElement>('order'), find('said'), find('progress')]
  button.disabled = true
  try {
    const placed = await shop.post('/api/orders', { lines: lines() })
    words.textContent = `Thank you, ${placed.customer}. That is ${priced(placed.totalCents)}.`
    basket.clear()
    steps.replaceChildren()
    steps.hidden = false
    for await (const { stage } of shop.events.get('/api/orders/progress', { receipt: placed.receipt })) {
      steps.append(make('li', {}, stage))
    }
    await search()
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) signOut()
    said(words, error)
  }
  await showBasket()
}

// ---- who it is

const showWho = async (): Promise<void> => {
  const signedIn = sessionStorage.getItem(TOKEN) !== null
  find('open-sign-in').hidden = signedIn
  find('sign-out').hidden = !signedIn
  find('who').textContent = ''
  if (!signedIn) return
  try {
    const { userId, role } = await shop.get('/api/accounts/me')
    find('who').textContent = role === 'staff' ? `${userId}, of the staff` : userId
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) signOut()
    else said(find('who'), error)
  }
}

const signIn = async (event: SubmitEvent): Promise<void> => {
  event.preventDefault()
  const given = new FormData(find<HTMLFormElement>('sign-in-form'))
  const refused = find('refused')
  refused.textContent = ''
  try {
    const account = { email: String(given.get('email')), password: String(given.get('password')) }
    const { token } = await shop.post('/api/accounts/sign-in', account)
    sessionStorage.setItem(TOKEN, token)
    find<HTMLFormElement>('sign-in-form').reset()
    find<HTMLDialogElement>('sign-in').close()
    await showWho()
  } catch (error) {
    said(refused, error)
  }
}

const signOut = (): void => {
  sessionStorage.removeItem(TOKEN)
  void showWho()
}

find('search').addEventListener('submit', (event) => {
  event.preventDefault()
  void search()
})
find('search').addEventListener('change', () => void search())
find('order').addEventListener('click', () => void order())
find('open-sign-in').addEventListener('click', () => find<HTMLDialogElement>('sign-in').showModal())
find('cancel').addEventListener('click', () => find<HTMLDialogElement>('sign-in').close())
find('sign-in-form').addEventListener('submit', (event) => void signIn(event))
find('sign-out').addEventListener('click', signOut)
await Promise.all([search(), showWho()])
