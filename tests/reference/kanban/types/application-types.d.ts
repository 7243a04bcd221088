import type { CoreConfig, CoreServices, CoreSingletonServices, CoreUserSession } from '@pikku/core'
import type { Boards } from '../src/services/boards.js'
import type { Mailer } from '../src/services/mailer.js'
import type { Audit } from '../src/services/audit.js'

export interface Config extends CoreConfig {
  boardName: string
  mailFrom: string
}

export interface UserSession extends CoreUserSession {
  userId: string
  role: 'member' | 'owner'
}

export interface SingletonServices extends CoreSingletonServices<Config> {
  boards: Boards
  mailer: Mailer
}

export interface Services extends CoreServices<SingletonServices> {
  audit: Audit
}
