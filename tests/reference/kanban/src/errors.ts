import { addError, PikkuError } from '@pikku/core/errors'

export class CardNotFoundError extends PikkuError {}
addError(CardNotFoundError, { status: 404, message: 'Card not found' })

export class WipLimitError extends PikkuError {}
addError(WipLimitError, { status: 409, message: 'Too much in progress' })
