import { addError, PikkuError } from '#pikku'

export class OutOfStockError extends PikkuError {
  constructor(title: string, left: number) {
    super(`Only ${left} of “${title}” left.`)
  }
}
addError(OutOfStockError, { status: 409 })

export class InvalidReceiptError extends PikkuError {}
addError(InvalidReceiptError, { status: 400, message: 'This is not a receipt of ours.' })
