import { boardName, invite, login, myCards, ping, roles, whoAmI } from './functions/people.function.js'
import { columnsOf, countCards, exportCsv, summary, velocity, watchBoard } from './functions/report.function.js'
import { defineHTTPRoutes, wireHTTPRoutes } from '#pikku/http/pikku-http-types.gen.js'

const people = defineHTTPRoutes({
  auth: false,
  routes: {
    login: { method: 'post', route: '/login', func: login },
    me: { method: 'get', route: '/me', func: whoAmI },
    mine: { method: 'get', route: '/me/cards', func: myCards },
    invite: { method: 'post', route: '/invitations', func: invite },
    roles: { method: 'get', route: '/roles', func: roles },
  },
})

wireHTTPRoutes({ basePath: '/v1', routes: { people } })
wireHTTPRoutes({
  basePath: '/v1/board',
  routes: {
    ping: { method: 'get', route: '/ping', func: ping, auth: false },
    name: { method: 'get', route: '/name', func: boardName, auth: false },
    count: { method: 'get', route: '/count', func: countCards, auth: false },
    columns: { method: 'get', route: '/columns', func: columnsOf, auth: false },
    summary: { method: 'get', route: '/summary', func: summary },
    velocity: { method: 'get', route: '/velocity', func: velocity, auth: false },
    csv: { method: 'get', route: '/export', func: exportCsv, auth: false },
    watch: { method: 'get', route: '/watch', func: watchBoard, auth: false, sse: true },
  },
})
