import { wireHTTP } from '#pikku'
import { plain, runKv, runSigned, runStorage, runUnsigned, tell } from './functions.js'

wireHTTP({ method: 'post', route: '/run/kv', func: runKv, auth: false })
wireHTTP({ method: 'post', route: '/run/storage', func: runStorage, auth: false })
wireHTTP({ method: 'post', route: '/run/signed', func: runSigned, auth: false })
wireHTTP({ method: 'post', route: '/run/unsigned', func: runUnsigned, auth: false })
wireHTTP({ method: 'get', route: '/plain', func: plain, auth: false })
wireHTTP({ method: 'post', route: '/tell', func: tell, auth: false })
