import { addHTTPMiddleware, addMiddleware, authBearer, defineHTTPRoutes, wireHTTP, wireHTTPRoutes } from '#pikku'
import { signIn, whoAmI } from './accounts/accounts.functions.ts'
import { addBook, getBook, listBooks, removeBook, updateBook } from './books/books.functions.ts'
import { exportCatalogue } from './books/export.functions.ts'
import { audit, noStore } from './middleware.ts'
import { placeOrder, quoteOrder, renderInvoice, trackOrder } from './orders/orders.functions.ts'

/** Everybody may bring a token; which functions ask for one is theirs to say. */
addHTTPMiddleware('*', [authBearer()])
addHTTPMiddleware('/api/accounts/*', [noStore])
addMiddleware('audited', [audit])

const books = defineHTTPRoutes({
  basePath: '/books',
  tags: ['books'],
  routes: {
    list: { method: 'get', route: '/', func: listBooks, auth: false },
    get: { method: 'get', route: '/:isbn', func: getBook, auth: false },
    add: { method: 'post', route: '/', func: addBook },
    update: { method: 'patch', route: '/:isbn', func: updateBook },
    remove: { method: 'delete', route: '/:isbn', func: removeBook },
  },
})

const accounts = defineHTTPRoutes({
  basePath: '/accounts',
  routes: {
    signIn: { method: 'post', route: '/sign-in', func: signIn, auth: false },
    me: { method: 'get', route: '/me', func: whoAmI },
  },
})

wireHTTPRoutes({ basePath: '/api', routes: { books, accounts } })

wireHTTP({ method: 'post', route: '/api/orders', func: placeOrder })
wireHTTP({ method: 'post', route: '/api/orders/quote', func: quoteOrder, auth: false })
wireHTTP({ method: 'get', route: '/api/orders/progress', func: trackOrder, auth: false, sse: true })
wireHTTP({ method: 'get', route: '/api/orders/invoice', func: renderInvoice, auth: false })

wireHTTP({ method: 'get', route: '/api/catalogue.csv', func: exportCatalogue })
