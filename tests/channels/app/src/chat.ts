import { wireChannel } from '#pikku'
import {
  answerWith, askOther, closed, count, fail, failAfterSignIn, greet, hello, hidden, isStaff, join, leave, nothing, opened, otherwise, refusesRude, say,
  signIn, signOut, slow, ticking, whoAmI,
} from './chat.functions.ts'
import { opening } from './schema.ts'

const byStaff = { func: hello, permissions: { isStaff } }

wireChannel({
  name: 'chat',
  route: '/chat',
  auth: false,
  input: opening,
  tags: ['chat'],
  tokenParameter: 'token',
  onConnect: opened,
  onDisconnect: closed,
  onMessage: otherwise,
  onMessageWiring: {
    action: {
      join, leave, say, signIn, signOut, whoAmI, failAfterSignIn, slow, count, ticking, fail, nothing, askOther, hidden,
      answer: answerWith,
      hello,
      guarded: { func: hello, auth: true },
      staff: byStaff,
      greeted: { func: hello, middleware: [greet] },
    },
    type: { hello: { func: hello } },
  },
})

/** Only for those who are signed in; who isn't any more may sign in again. */
wireChannel({
  name: 'members',
  route: '/members/:club',
  auth: true,
  permissions: { refusesRude },
  origins: ['https://friend.test'],
  onConnect: opened,
  onDisconnect: closed,
  onMessageWiring: { action: { whoAmI, hello, signOut, signIn: { func: signIn, auth: false } } },
})

/** Nothing but what comes. */
wireChannel({ name: 'bare', route: '/bare', onMessageWiring: { action: { join } } })
