/** A process with three units, as a generated main makes it. Run by server.test.ts. */
import { settings } from '../../unitgraph/runtime/settings.ts'
import { pikkuConfig, pikkuFunc, pikkuServices, pikkuSessionlessFunc } from '#pikku'
import { serve } from '../../unitgraph/runtime/entry/server.ts'
import { cors } from '#pikku/http'
import { http } from '../../unitgraph/runtime/http/index.ts'
import { sse } from '../../unitgraph/runtime/sse.ts'
import { unit } from '../../unitgraph/runtime/unit.ts'

let built = 0
const say = (text: string) => console.log(JSON.stringify({ msg: text }))
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const books = unit({
  unit: 'shop-books',
  functions: { getBook: { value: pikkuSessionlessFunc(async ({ counter }: any, { id }: any, { rpc }) => ({ id, built: counter.built, price: await rpc.invoke('price', { id }) })) } },
  parts: [http({ routes: [{ method: 'GET', route: '/books/:id', function: 'getBook', options: [{ middleware: [cors()] }] }] })],
})
const featured = unit({
  unit: 'shop-featured',
  functions: {
    featured: { value: pikkuSessionlessFunc(async () => 'featured') },
    create: { value: pikkuFunc(async () => 1) },
  },
  parts: [http({ routes: [{ method: 'GET', route: '/books/featured', function: 'featured' }, { method: 'POST', route: '/books/:id', function: 'create' }] })],
})
const other = unit({
  unit: 'shop-other',
  functions: {
    price: { value: pikkuSessionlessFunc({ expose: true, func: async () => 5 }) },
    slow: { value: pikkuSessionlessFunc(async (_s, { ms }: any) => { say('slow began'); await sleep(Number(ms)); return 'slow' }) },
    events: { value: pikkuSessionlessFunc(async (_s, _d, { channel, signal }) => {
      await channel?.send('first')
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      say('client gone')
    }) },
    later: { value: pikkuSessionlessFunc(async (_s, _d, { waitUntil }) => {
      waitUntil(sleep(200).then(() => say('later done')))
      waitUntil(Promise.reject(new Error('later failed')))
    }) },
    large: { value: pikkuSessionlessFunc(async () => new Uint8Array(30_000_000)) },
    reject: { value: pikkuSessionlessFunc(async () => void Promise.reject(new Error('nobody caught me'))) },
  },
  parts: [http({ sse, routes: [
    { method: 'GET', route: '/slow', function: 'slow' }, { method: 'GET', route: '/events', function: 'events', sse: true },
    { method: 'GET', route: '/reject', function: 'reject' }, { method: 'GET', route: '/large', function: 'large' }, { method: 'GET', route: '/later', function: 'later' },
  ] })],
})
const broken = () => Promise.reject(new Error('no such chunk'))

await serve({
  project: 'shop',
  release: 'r7',
  config: pikkuConfig(async () => ({ logLevel: 'info' as const })),
  services: pikkuServices(async (_config, { variables }) => {
    if (variables.get('FAIL')) throw new Error('no database')
    built++
    return { counter: { built, close: async () => say('counter closed') } }
  }),
  settings: settings({ secrets: ['NEEDED', 'ALSO_NEEDED'] }),
  routes: [
    { method: 'GET', route: '/books/:id', unit: 'shop-books' }, { method: 'GET', route: '/books/featured', unit: 'shop-featured' },
    { method: 'POST', route: '/books/:id', unit: 'shop-featured' }, { method: 'GET', route: '/slow', unit: 'shop-other' },
    { method: 'GET', route: '/events', unit: 'shop-other' }, { method: 'GET', route: '/reject', unit: 'shop-other' }, { method: 'GET', route: '/later', unit: 'shop-other' }, { method: 'GET', route: '/large', unit: 'shop-other' }, { method: 'GET', route: '/broken', unit: 'shop-broken' },
  ],
  units: {
    'shop-books': { functions: ['getBook'], load: async () => { say('loaded books'); return { default: books } } },
    'shop-featured': { functions: ['featured', 'create'], load: async () => ({ default: featured }) },
    'shop-other': { functions: ['price', 'slow', 'events', 'reject', 'later', 'large'], load: async () => ({ default: other }) },
    'shop-broken': { functions: [], load: broken },
  },
})
