/** Uses the shop by its generated client, outside of a browser: `bun client.ts <.pikku/client/index.js> <url>`. */
import { strict as assert } from 'node:assert'

const [code = '', url = ''] = process.argv.slice(2)
const { ApiError, createClient } = await import(code)
const shop = createClient({ url })

const { books } = await shop.get('/api/books', { genre: 'novel' })
assert.ok(books.some((book: { title: string }) => book.title === 'Frankenstein'))
assert.ok((await shop.rpc.invoke('listBooks', { limit: 1 })).total > 1)

const shelf = shop.channel('/shelf', {}, { attempts: 0 })
assert.deepEqual(await shelf.call('action', 'watch', { isbn: '9780141439471' }), { watching: '9780141439471' })
const refused = await shelf.call('action', 'watch', { isbn: 1 }).catch((error: unknown) => error)
assert.ok(refused instanceof ApiError, String(refused))
assert.deepEqual([refused.status, refused.code, refused.issues[0].path], [400, 'bad-request', ['isbn']])
shelf.send('action', 'watch', { isbn: '9780141439518' })
for await (const message of shelf.messages()) {
  assert.deepEqual(message, { action: 'watch', watching: '9780141439518' })
  break
}
const closed = new Promise((resolve) => shelf.on('close', resolve))
shelf.close()
await closed
console.log('used')
process.exit(0)
