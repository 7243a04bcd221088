/** Routes that call another unit, sign in with a token, and send events. */
import { authBearer, cors, pikkuConfig, pikkuFunc, pikkuServices, pikkuSessionlessFunc } from '#pikku'
import * as v from 'valibot'
import { worker } from 'unitgraph/entry/cloudflare'
import { http } from 'unitgraph/http'
import { around, body, byPath, checks, exchange, secrets } from 'unitgraph/pieces'
import { remote } from 'unitgraph/remote'
import { rpc } from 'unitgraph/rpc'
import { jwt } from 'unitgraph/services/jwt'
import { sse } from 'unitgraph/sse'

const login = pikkuSessionlessFunc(async ({ jwt }, { user }: { user: string }) => ({ token: await jwt.encode('5m', { sub: user }) }))
const order = pikkuFunc(async (_services, { sku }: { sku: string }, { rpc }) => rpc.invoke('createOrder', { sku, at: new Date(0) }))
const count = pikkuSessionlessFunc(async (_services, { to }: { to: number }, { channel }) => {
  for (let n = 1; n < to; n++) await channel?.send(n)
  return to
})
const built = pikkuSessionlessFunc(async (services) => (services as { built?: number }).built)
let times = 0

export default worker({
  project: 'shop', unit: 'shop-calling', required: ['jwt'], builtins: { jwt }, rpc,
  pieces: { around, body, byPath, checks, exchange, secrets },
  config: pikkuConfig(async () => ({})),
  services: pikkuServices(async () => ({ built: ++times })),
  functions: {
    login: { value: login }, order: { value: order }, built: { value: built },
    count: { value: count, input: v.object({ to: v.number() }), coerce: { to: 'number' } },
  },
  parts: [http({
    sse,
    routes: [
      { method: 'POST', route: '/login', function: 'login', options: [] },
      { method: 'POST', route: '/orders', function: 'order', options: [{ middleware: [authBearer()] }] },
      { method: 'GET', route: '/count', function: 'count', sse: true, options: [] },
      { method: 'GET', route: '/built', function: 'built', options: [] },
    ],
    middleware: [['*', [cors()]]],
  })],
  remote: remote({ createOrder: { unit: 'shop-silent', binding: 'SHOP_SILENT' } }),
})
