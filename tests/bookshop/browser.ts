/** Visits the shop's page in a real browser, by keyboard where people without a mouse would: `bun browser.ts <chromium> <url> <title>`. */
import { strict as assert } from 'node:assert'
import { chromium } from 'playwright-core'

const [executablePath = '', url = '', title = ''] = process.argv.slice(2)
const browser = await chromium.launch({
  executablePath,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
  ],
})
const page = await browser.newPage()
page.setDefaultTimeout(60_000)
const wrong: string[] = []
page.on('console', (message) => {
  // a call that is refused, as a wrong password is, is no fault of the page
  if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) wrong.push(message.text())
})
page.on('pageerror', (error) => wrong.push(error.message))
const asked: string[] = []
page.on('request', (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`))

const focused = () => page.evaluate('document.activeElement?.textContent?.trim() || document.activeElement?.name')
const press = (key: string) => page.keyboard.press(key)
const button = (name: string) => page.getByRole('button', { name, exact: true })

await page.goto(url)
assert.equal(await page.title(), 'The Bookshop')
await page.getByText(/^\d+ books$/).waitFor()
assert.ok(await page.getByRole('listitem').count() >= 4, 'the shelf is there')

// to the shelf without a mouse
await press('Tab')
assert.equal(await focused(), 'Skip to the shelf')

// a search by what is typed, one by what is chosen, and one that finds nothing
await page.getByLabel('Author').fill('shelley')
await press('Enter')
await page.getByText('One book', { exact: true }).waitFor()
assert.deepEqual(await page.getByRole('heading', { level: 3 }).allTextContents(), ['Frankenstein'])
await page.getByLabel('Author').fill('nobody at all')
await press('Enter')
await page.getByText('No book is like that.').waitFor()
await page.getByLabel('Author').fill('')
await page.getByLabel('Genre').selectOption('history')
await page.getByRole('heading', { name: 'The Histories' }).waitFor()
await page.getByLabel('Genre').selectOption('')
await page.getByRole('heading', { name: title }).waitFor()

// into the basket, which knows what it costs
assert.ok(await button('Order').isDisabled())
await button(`Add ${title} to the basket`).focus()
await press('Enter')
await page.getByLabel(`Copies of ${title}`).waitFor()
await page.getByText('In all').waitFor()
await page.locator('#total').getByText(/^€\d+\.\d\d$/).waitFor()

// an order needs an account, and a wrong password is said
await button('Order').click()
const dialog = page.getByRole('dialog', { name: 'Sign in' })
await dialog.waitFor()
assert.equal(await focused(), 'email', 'the dialog has the focus')
await press('Escape')
await dialog.waitFor({ state: 'hidden' })
await button('Sign in').click()
await dialog.getByLabel('E-mail').fill('ada@bookshop.example')
await dialog.getByLabel('Password').fill('guess')
await press('Enter')
await dialog.getByRole('alert').getByText('do not belong together').waitFor()
await dialog.getByLabel('Password').fill('difference-engine')
await press('Enter')
await dialog.waitFor({ state: 'hidden' })
await page.getByText('ada', { exact: true }).waitFor()

// the order, and how far it is, as events
await button('Order').click()
await page.getByText('Thank you, ada.').waitFor()
await page.getByLabel('How far your order is').getByText('shipped').waitFor()
assert.deepEqual(await page.getByLabel('How far your order is').getByRole('listitem').allTextContents(), ['paid', 'packed', 'shipped'])
await page.getByText('Nothing yet.').waitFor()

// who comes back is still signed in, until they sign out
await page.reload()
await page.getByText('ada', { exact: true }).waitFor()
await button('Sign out').click()
await button('Sign in').waitFor()

await browser.close()
assert.deepEqual(wrong, [])
for (const call of ['GET /api/books', 'POST /rpc/quoteOrder', 'POST /api/accounts/sign-in', 'POST /api/orders', 'GET /api/orders/progress', 'GET /api/accounts/me']) {
  assert.ok(asked.includes(call), `${call} was asked`)
}
console.log('visited')
