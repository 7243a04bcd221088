/** Looks after runs in a real browser, for the most part by keyboard: `bun dashboard.ts <chromium> <url> <token>`. */
import { strict as assert } from 'node:assert'
import { chromium } from 'playwright-core'

const [executablePath = '', url = '', token = ''] = process.argv.slice(2)
const browser = await chromium.launch({
  executablePath,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
  ],
})
const page = await browser.newPage({ colorScheme: 'dark' })
page.setDefaultTimeout(30_000)
const wrong: string[] = []
page.on('console', (message) => {
  // a wrong token, and a run that is not there, are asked for here
  if (message.type() === 'error' && !/status of 40[14]/.test(message.text())) wrong.push(message.text())
})
page.on('pageerror', (error) => wrong.push(error.message))
page.on('dialog', (dialog) => { wrong.push(`a dialog said ${dialog.message()}`); void dialog.dismiss() })
page.on('request', (request) => { if (!request.url().startsWith(url) && !request.url().startsWith('data:')) wrong.push(`${request.url()} was asked`) })

const press = (key: string) => page.keyboard.press(key)
const button = (name: string) => page.getByRole('button', { name, exact: true })
const focused = () => page.evaluate('document.activeElement?.textContent?.trim() || document.activeElement?.getAttribute("name")') as Promise<string>
/** Tab until something has the focus, as people without a mouse do. */
const tabTo = async (name: string, key = 'Tab') => {
  for (let count = 0; (await focused()) !== name; count += 1) {
    assert.ok(count < 60, `${name} is not reached by keyboard`)
    await press(key)
  }
}
const rows = page.locator('a.run')
const badge = page.locator('#run-title .badge')
const news = page.getByRole('status')
/** Begins a run as anybody does, and waits until it waits. */
const begin = async (workflow: string, input: object): Promise<string> => {
  const headers = { 'content-type': 'application/json', 'x-user': 'owner of kiosk' }
  const started = await fetch(`${url}/workflow/${workflow}/start`, { method: 'POST', headers, body: JSON.stringify(input) })
  return ((await started.json()) as { runId: string }).runId
}
const open = async (id: string) => {
  await page.evaluate(`location.hash = 'run=${id}'`)
  await page.locator('.head code').getByText(id, { exact: true }).waitFor()
}

const HOSTILE = `<img src=x onerror="alert(1)">"'&amp; javascript:alert(2)\u202e`
const ids = { ada: await begin('order', { customer: 'Ada Lovelace', card: '4242' }), hostile: await begin('order', { customer: HOSTILE, card: '<b>1</b>' }) }
await begin('order', { customer: 'Grace', card: 'stolen' })
await begin('shipment', { parcel: 'p1', grams: 1500 })
const refund = await begin('refund', { amount: 5, shop: 'kiosk' })

// nobody sees anything before the token is said, and a wrong one is none
await page.goto(`${url}/__unitgraph/dashboard`)
await page.getByRole('heading', { name: 'Sign in' }).waitFor()
assert.equal(await focused(), 'token')
await page.keyboard.type('guess')
await press('Enter')
await page.getByRole('alert').getByText('That is not the token').waitFor()
await page.keyboard.type(token)
await press('Enter')
await rows.first().waitFor()
assert.equal(await page.evaluate('document.cookie'), '')

// what people look for is found
await page.locator('#main').focus()
await press('/')
assert.equal(await focused(), 'text')
await page.keyboard.type('LOVELACE')
await news.getByText('2 runs', { exact: true }).waitFor()
assert.deepEqual((await rows.locator('.name').allTextContents()).sort(), ['invoice', 'order'])
await page.getByLabel('Workflow').selectOption('order')
await news.getByText('1 run', { exact: true }).waitFor()
await page.getByLabel('Search').fill('nobody at all')
await page.getByText('No run is like that.').waitFor()
await page.getByLabel('Search').fill('')
await page.getByLabel('Status').selectOption('failed')
await page.getByText('The card stolen is refused').waitFor()
await page.reload()
await page.getByText('The card stolen is refused').waitFor()
assert.equal(await page.getByLabel('Status').inputValue(), 'failed', 'the address keeps what is looked for')
await page.getByLabel('Status').selectOption('')
await page.getByLabel('Workflow').selectOption('')
await page.getByLabel('Begun in').selectOption('hour')

// a new run comes by itself, and the list is gone through by arrows
const late = await begin('order', { customer: 'Late', card: '1' })
await rows.filter({ hasText: late }).filter({ hasText: 'order' }).first().waitFor()
await page.getByLabel('Begun in').focus()
await press('Tab')
await press('ArrowDown')
await press('ArrowUp')
assert.equal(await page.evaluate('document.activeElement?.className.startsWith("run ")'), true)

// hostile text is text, wherever it stands
await open(ids.hostile)
await badge.getByText('waiting').waitFor()
await page.locator('summary', { hasText: 'Label' }).click()
assert.ok((await page.locator('details[open] pre').first().textContent())?.includes(JSON.stringify(HOSTILE).slice(1, -1)))
assert.equal(await page.locator('img').count(), 0)

// a run is approved by keyboard, and its end is seen without asking for it
await open(ids.ada)
await badge.getByText('waiting').waitFor()
assert.equal(await page.evaluate('document.activeElement?.id'), 'run-title')
await page.getByRole('link', { name: 'Invoice: completed' }).waitFor()
assert.equal(await page.locator('.picture a').count(), 6)
await tabTo('Approve')
await press('Enter')
await badge.getByText('completed').waitFor()
await page.getByLabel('Output', { exact: true }).getByText('"by": "dashboard"').waitFor()
assert.equal(await button('Approve').count(), 0)

// its picture leads to a step; from there it is forked, with what it had come to
await page.locator('.picture a', { hasText: 'Charge' }).focus()
await press('Enter')
await page.getByText('Error: The bank does not answer').waitFor()
await tabTo('Fork from this step')
await press('Enter')
await page.getByRole('dialog', { name: 'Fork from Charge' }).waitFor()
await press('Escape')
await page.getByRole('dialog').waitFor({ state: 'hidden' })
assert.equal(await focused(), 'Fork from this step', 'the dialog gives the focus back')
await press('Enter')
await tabTo('Fork')
await press('Enter')
await page.locator('.head code').getByText(`${ids.ada}.fork-`).waitFor()
await badge.getByText('waiting').waitFor()

// its end is asked for, with a reason
await tabTo('Cancel…')
await press('Enter')
await page.getByRole('dialog', { name: 'Cancel this run' }).getByLabel('Reason').fill('no longer wanted')
await press('Enter')
await badge.getByText('cancelled').waitFor()
await page.locator('.notice').getByText('no longer wanted').waitFor()

// a decision against, and an event whose data must be JSON
await open(late)
await button('Decline…').click()
await page.getByRole('dialog').getByLabel('Reason').fill('too late')
await press('Enter')
await badge.getByText('failed').waitFor()
await page.locator('.notice').getByText('Declined: too late').waitFor()
await open(refund)
await button('Approve').click()
await button('Send it…').click()
await page.getByLabel('Data').fill('{ parcel')
await button('Send').click()
await page.getByRole('alert').getByText('The data is not JSON').waitFor()
await page.getByLabel('Data').fill('{ "parcel": "P1" }')
await button('Send').click()
await badge.getByText('completed').waitFor()

// a graph is drawn as it was written, with what was not reached
await page.getByRole('combobox', { name: 'Workflow' }).selectOption('shipment')
await rows.filter({ hasText: 'shipment' }).first().click()
await page.locator('.picture').getByText('heavy').waitFor()
assert.equal(await page.locator('.box.unreached').count(), 2)

// a run that is not there is said not to be; both schemes are there
await page.evaluate('location.hash = "run=nothing"')
await page.getByText('There is no such run.').waitFor()
const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
const dark = await ground()
await page.emulateMedia({ colorScheme: 'light' })
assert.notEqual(await ground(), dark)

// on a small screen one thing at a time
await page.setViewportSize({ width: 390, height: 800 })
await open(ids.ada)
assert.ok(!(await page.getByLabel('Search').isVisible()))
await page.getByRole('link', { name: '← All runs' }).click()
await page.getByLabel('Search').waitFor()

// whoever signs out is out
await button('Sign out').click()
await page.getByRole('heading', { name: 'Sign in' }).waitFor()
await page.reload()
await page.getByRole('heading', { name: 'Sign in' }).waitFor()

await browser.close()
assert.deepEqual(wrong, [])
console.log('looked after')
