import type { CreateSingletonServices, CreateWireServices } from '@pikku/core'
import { ConsoleLogger, LocalVariablesService } from '@pikku/core/services'
import type { Config, Services, SingletonServices, UserSession } from '../types/application-types.js'
import { requiredSingletonServices } from '#pikku/pikku-services.gen.js'
import { Audit } from './services/audit.js'
import { Boards } from './services/boards.js'

export const createSingletonServices: CreateSingletonServices<Config, SingletonServices> = async (config, existingServices) => {
  const variables = existingServices?.variables ?? new LocalVariablesService()
  const logger = existingServices?.logger ?? new ConsoleLogger()
  const boards = new Boards(config.boardName)

  let mailer: SingletonServices['mailer'] | undefined
  if (requiredSingletonServices.mailer) {
    const { Mailer } = await import('./services/mailer.js')
    mailer = new Mailer(config.mailFrom, logger)
  }

  return { config, logger, variables, boards, mailer: mailer! }
}

export const createWireServices: CreateWireServices<SingletonServices, Services, UserSession> = async ({ logger }, { session }) => {
  return { audit: new Audit(logger, session?.userId) }
}
