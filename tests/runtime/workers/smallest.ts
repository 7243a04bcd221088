/** One route, no packages of its own: how large the runtime is in a unit. */
import { pikkuSessionlessFunc } from '#pikku'
import { worker } from 'unitgraph/entry/cloudflare'
import { http } from 'unitgraph/http'

const getBooks = pikkuSessionlessFunc(async () => ({ books: [] }))

export default worker({
  project: 'shop', unit: 'shop-smallest', functions: { getBooks: { value: getBooks } }, required: [],
  parts: [http({ routes: [{ method: 'GET', route: '/api/books', function: 'getBooks', sse: false, options: [] }] })],
})
