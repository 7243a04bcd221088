/** The routes. */
import {
  addHTTPMiddleware, addHTTPPermission, addMiddleware, addPermission, authAPIKey, authBearer, authCookie, cors, csrf, csrfToken,
  rateLimit, secureHeaders, wireHTTP, wireHTTPRoutes,
} from '#pikku'
import { decorate, fail, give, later, mark, readCookie, swallow } from './answers.functions.ts'
import {
  callChecked, callExposed, callFail, callInner, callKinds, callMe, callOwned, callSignIn, catchFail, greet, ping,
} from './calls.functions.ts'
import { checked, echo, getThing, mergeThing, newThing, order, raw, rest, upload } from './data.functions.ts'
import { count, privateCount } from './events.functions.ts'
import { addJob } from './jobs.functions.ts'
import { schema } from './lib/schema.ts'
import { everywhere, interfering, onGroup, onPattern, onRoute, onRouteTag, onTag } from './middleware.ts'
import {
  isBorn, isStaff, me, nobody, optional, owned, signIn, signOut, tagged, visit, whoAmI,
} from './sessions.functions.ts'
import { interfered, trail } from './trail.functions.ts'

addMiddleware('*', [everywhere])

// data
wireHTTP({ method: 'get', route: '/things/:id', func: getThing })
wireHTTP({ method: 'post', route: '/things/:id', func: getThing })
wireHTTP({ method: 'get', route: '/things/new', func: newThing })
wireHTTP({ method: 'put', route: '/things/:id', func: mergeThing })
wireHTTP({ method: 'post', route: '/echo', func: echo })
wireHTTP({ method: 'get', route: '/echo', func: echo })
wireHTTP({ method: 'post', route: '/echo/:id', func: echo })
wireHTTP({ method: 'post', route: '/small', func: echo, bodyLimit: 64 })
wireHTTP({ method: 'post', route: '/orders', func: order })
wireHTTP({ method: 'get', route: '/orders', func: order })
wireHTTP({ method: 'post', route: '/upload', func: upload })
wireHTTP({ method: 'post', route: '/raw', func: raw })
wireHTTP({ method: 'get', route: '/files/*', func: rest })
wireHTTP({ method: 'get', route: '/maybe/:part?', func: rest })
wireHTTP({ method: 'get', route: '/numbers/:n{[0-9]+}', func: rest })
wireHTTP({ method: 'get', route: '/numbers/:word', func: newThing })
wireHTTP({
  method: 'get', route: '/checked', func: checked,
  headers: schema(({ 'x-tenant': tenant }) =>
    tenant === undefined ? { issues: [{ message: 'Which tenant?', path: ['x-tenant'] }] } : { value: { 'x-tenant': tenant } }),
  query: schema(({ page }) => (typeof page === 'number' ? { value: { page } } : { issues: [{ message: 'A number', path: ['page'] }] })),
})

// answers
wireHTTP({ method: 'get', route: '/fail/:kind', func: fail })
wireHTTP({ method: 'get', route: '/give/:kind', func: give })
wireHTTP({ method: 'get', route: '/decorate/:kind', func: decorate })
wireHTTP({ method: 'get', route: '/cookie/:name', func: readCookie })
wireHTTP({ method: 'post', route: '/swallow', func: swallow })
wireHTTP({ method: 'post', route: '/later', func: later })
wireHTTP({ method: 'post', route: '/mark', func: mark })

// events
wireHTTP({ method: 'get', route: '/count', func: count, sse: true })
wireHTTP({ method: 'get', route: '/count/mine', func: privateCount, sse: true, middleware: [authBearer()] })

// sessions
const bearer = authBearer({ issuer: 'conformance' })
const cookie = authCookie({ trustedOrigins: ['https://admin.app.test'], previousSecretId: 'SESSION_SECRET_OLD' })
const openCookie = authCookie({ csrf: false })
const key = authAPIKey({ secretId: 'API_KEY', query: 'key' })
const anyKey = authAPIKey({ header: 'x-staff-key', session: async (given) => (given === 'staff-key-1' ? { userId: 'robot', role: 'staff' } : undefined) })

wireHTTPRoutes({ basePath: '/bearer', middleware: [bearer], routes: {
  who: { method: 'get', route: '/who', func: whoAmI },
  me: { method: 'get', route: '/me', func: me },
  owned: { method: 'get', route: '/owned/:userId', func: owned },
  nobody: { method: 'get', route: '/nobody', func: nobody },
  optional: { method: 'get', route: '/optional', func: optional, auth: false },
  needed: { method: 'get', route: '/needed', func: whoAmI, auth: true },
  tagged: { method: 'get', route: '/tagged', func: tagged },
  staff: { method: 'get', route: '/staff', func: me, permissions: { staff: isStaff } },
  born: { method: 'get', route: '/born', func: whoAmI, permissions: { born: isBorn } },
  order: { method: 'post', route: '/orders', func: me },
} })
addPermission('staff-only', isStaff)
wireHTTPRoutes({ basePath: '/cookies', middleware: [cookie], routes: {
  in: { method: 'post', route: '/in', func: signIn },
  out: { method: 'post', route: '/out', func: signOut },
  visit: { method: 'post', route: '/visit', func: visit },
  me: { method: 'get', route: '/me', func: me },
  who: { method: 'get', route: '/who', func: whoAmI },
  call: { method: 'post', route: '/call', func: callSignIn },
} })
wireHTTP({ method: 'post', route: '/open/visit', func: visit, middleware: [openCookie] })
wireHTTP({ method: 'post', route: '/form', func: signIn, middleware: [csrf()] })
wireHTTPRoutes({ basePath: '/tokens', middleware: [cookie, csrfToken()], routes: [
  { method: 'get', route: '/me', func: whoAmI },
  { method: 'post', route: '/visit', func: visit },
] })
wireHTTPRoutes({ basePath: '/keys', middleware: [key, anyKey], routes: [
  { method: 'get', route: '/who', func: whoAmI },
  { method: 'get', route: '/me', func: me },
] })
wireHTTPRoutes({ basePath: '/any', middleware: [bearer, key, cookie], routes: [
  { method: 'get', route: '/me', func: me },
  { method: 'post', route: '/visit', func: visit },
] })

// calls
wireHTTPRoutes({ basePath: '/call', middleware: [bearer], routes: [
  { method: 'get', route: '/kinds', func: callKinds },
  { method: 'get', route: '/me', func: callMe },
  { method: 'get', route: '/owned/:of', func: callOwned },
  { method: 'post', route: '/sign-in', func: callSignIn },
  { method: 'get', route: '/fail/:kind', func: callFail },
  { method: 'get', route: '/catch/:kind', func: catchFail },
  { method: 'post', route: '/checked', func: callChecked },
  { method: 'get', route: '/ping/:left', func: ping },
  { method: 'get', route: '/inner', func: callInner },
  { method: 'get', route: '/exposed/:name', func: callExposed },
] })
wireHTTP({ method: 'get', route: '/greet/:name', func: greet })

// middleware, in its order
addHTTPMiddleware('/trail/*', [onPattern])
addMiddleware('trail', [onTag])
addMiddleware('route-trail', [onRouteTag])
wireHTTPRoutes({ basePath: '/trail', middleware: [onGroup], routes: [
  { method: 'get', route: '/all', func: trail, middleware: [onRoute], tags: ['route-trail'] },
  { method: 'get', route: '/plain', func: newThing },
] })
wireHTTP({ method: 'get', route: '/interfered', func: interfered, middleware: [interfering] })

// other sites
wireHTTPRoutes({ basePath: '/shared', middleware: [cors()], routes: [{ method: 'get', route: '/thing', func: newThing }] })
wireHTTPRoutes({
  basePath: '/partner', middleware: [cors({ origin: ['https://partner.test'], credentials: true, headers: ['x-token'], exposeHeaders: ['x-total'], maxAge: 60 })],
  routes: [{ method: 'post', route: '/thing', func: me }, { method: 'get', route: '/thing', func: newThing }],
})
wireHTTP({ method: 'get', route: '/secure', func: newThing, middleware: [secureHeaders({ headers: { 'x-frame-options': null, 'x-own': '1' } })] })
addHTTPPermission('/closed/*', isStaff)
wireHTTP({ method: 'get', route: '/closed/door', func: newThing })

// how often
const byHeader = rateLimit({ limit: 2, window: '1h', key: ({ http }) => http?.request.header('x-caller') })
wireHTTP({ method: 'get', route: '/limited', func: newThing, middleware: [byHeader] })
wireHTTP({ method: 'get', route: '/limited/me', func: whoAmI, middleware: [bearer, rateLimit({ limit: 2, window: '1h', name: 'reads' })] })
wireHTTP({ method: 'get', route: '/limited/soon', func: give, middleware: [rateLimit({ limit: 1, window: '1s', key: ({ http }) => http?.request.header('x-caller'), name: 'soon' })] })

// jobs
wireHTTP({ method: 'post', route: '/jobs', func: addJob, middleware: [bearer] })
