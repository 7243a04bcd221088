import { CardNotFoundError } from '../errors.js'

export interface Card {
  cardId: string
  title: string
  column: 'todo' | 'doing' | 'done'
  assignee?: string | undefined
  comments: string[]
  points?: number | undefined
}

export class Boards {
  #cards = new Map<string, Card>([
    ['c1', { cardId: 'c1', title: 'Write it down', column: 'todo', comments: [], points: 3 }],
    ['c2', { cardId: 'c2', title: 'Read it aloud', column: 'done', assignee: 'ada', comments: ['well read'], points: 5 }],
  ])

  constructor(readonly name: string) {}

  all(): Card[] {
    return [...this.#cards.values()]
  }

  get(cardId: string): Card {
    const card = this.#cards.get(cardId)
    if (!card) throw new CardNotFoundError()
    return card
  }

  put(card: Card): Card {
    this.#cards.set(card.cardId, card)
    return card
  }

  remove(cardId: string): void {
    this.get(cardId)
    this.#cards.delete(cardId)
  }
}
