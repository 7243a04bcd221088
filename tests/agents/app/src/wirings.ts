import { addHTTPMiddleware, wireChannel, wireHTTP } from '#pikku'
import { clerk } from './agents.ts'
import { delegate, signIn } from './functions.ts'

addHTTPMiddleware('*', [signIn])
wireHTTP({ method: 'post', route: '/ask', func: clerk, sse: true })
wireHTTP({ method: 'post', route: '/delegate', func: delegate })
wireChannel({ name: 'talk', route: '/talk', onMessageWiring: { action: { ask: { func: clerk } } } })
