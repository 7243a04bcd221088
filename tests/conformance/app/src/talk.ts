/** Channels, and a command line over one: the same functions as elsewhere. */
import { authBearer, pikkuCLICommand, wireChannel, wireCLI } from '#pikku'
import { fail } from './answers.functions.ts'
import { echo, getThing, order } from './data.functions.ts'
import { me, optional, owned, signIn, signOut, visit, whoAmI } from './sessions.functions.ts'

const bearer = authBearer({ issuer: 'conformance' })

wireChannel({
  name: 'talk', route: '/talk/:room', middleware: [bearer], onMessage: echo,
  onMessageWiring: {
    action: { whoAmI, me, order, owned, signIn, signOut, visit, fail, guarded: { func: whoAmI, auth: true }, optional },
  },
})
wireChannel({ name: 'members', route: '/members', auth: true, middleware: [bearer], onMessageWiring: { action: { whoAmI } } })
wireCLI({
  program: 'house', middleware: [bearer],
  commands: {
    order: pikkuCLICommand({ func: order, parameters: '<count>', options: { gift: { default: false } } }),
    account: { subcommands: { me, owned: pikkuCLICommand({ func: owned, parameters: '<userId>' }) } },
    thing: pikkuCLICommand({ func: getThing, parameters: '<id>' }), whoAmI,
  },
})
