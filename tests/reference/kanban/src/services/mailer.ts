import type { Logger } from '@pikku/core/services'

export class Mailer {
  constructor(private readonly from: string, private readonly logger: Logger) {}

  async send(to: string, subject: string): Promise<{ sent: boolean }> {
    this.logger.info('mail sent', { from: this.from, to, subject })
    return { sent: true }
  }
}
