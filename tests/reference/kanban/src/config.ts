import type { CreateConfig } from '@pikku/core'
import type { Config } from '../types/application-types.js'

export const createConfig: CreateConfig<Config> = async () => ({
  logLevel: 'info',
  boardName: 'Roadmap',
  mailFrom: 'board@kanban.test',
})
