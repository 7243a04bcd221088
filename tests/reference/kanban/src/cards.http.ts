import {
  assignCard, commentOnCard, createCard, deleteCard, estimateCard, getCard, listCards, listComments, moveCard, renameCard,
  searchCards, unassignCard,
} from './functions/card.function.js'
import { bearer, timed } from './middleware.js'
import { addHTTPMiddleware, wireHTTP } from '#pikku/pikku-types.gen.js'

addHTTPMiddleware('*', [bearer])
addHTTPMiddleware('/v1/*', [timed])

wireHTTP({ method: 'get', route: '/v1/cards', func: listCards, auth: false })
wireHTTP({ method: 'get', route: '/v1/cards/:cardId', func: getCard, auth: false })
wireHTTP({ method: 'post', route: '/v1/cards', func: createCard })
wireHTTP({ method: 'patch', route: '/v1/cards/:cardId', func: renameCard })
wireHTTP({ method: 'post', route: '/v1/cards/:cardId/move', func: moveCard })
wireHTTP({ method: 'post', route: '/v1/cards/:cardId/assign', func: assignCard })
wireHTTP({ method: 'delete', route: '/v1/cards/:cardId/assignee', func: unassignCard })
wireHTTP({ method: 'delete', route: '/v1/cards/:cardId', func: deleteCard })
wireHTTP({ method: 'post', route: '/v1/cards/:cardId/comments', func: commentOnCard })
wireHTTP({ method: 'get', route: '/v1/cards/:cardId/comments', func: listComments, auth: false })
wireHTTP({ method: 'put', route: '/v1/cards/:cardId/points', func: estimateCard })
wireHTTP({ method: 'get', route: '/v1/search', func: searchCards, auth: false })
