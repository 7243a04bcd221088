import type { Logger } from '@pikku/core/services'

/** One a call. */
export class Audit {
  constructor(private readonly logger: Logger, private readonly userId: string | undefined) {}

  note(what: string): void {
    this.logger.info('audit', { what, by: this.userId ?? 'nobody' })
  }
}
