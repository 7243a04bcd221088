import { pikkuAIAgent, pikkuMCPResourceFunc, pikkuMCPToolFunc, wireMCPResource, wireMCPTool } from '#pikku'
import { getBook, listBooks } from '../books/books.functions.ts'
import { quoteOrder } from '../orders/orders.functions.ts'

export const bookseller = pikkuAIAgent({
  name: 'bookseller',
  description: 'Helps a reader to choose.',
  instructions: 'Recommend books that are on the shelf. Look up stock and price before you promise either.',
  model: 'anthropic/claude-sonnet-4-5',
  tools: [listBooks, getBook, quoteOrder],
})

export const suggestGift = pikkuMCPToolFunc<{ budgetCents: number }>({
  description: 'The best book in stock that money can buy.',
  func: async ({ catalogue }, { budgetCents }) => {
    const [best] = catalogue
      .search({})
      .filter((book) => book.stock > 0 && book.priceCents <= budgetCents)
      .sort((left, right) => right.priceCents - left.priceCents)
    return [{ type: 'text', text: best ? `${best.title} by ${best.author}` : 'Nothing for that budget.' }]
  },
})

wireMCPTool({ name: 'suggest-gift', description: 'Suggests a present.', func: suggestGift, tags: ['books'] })

export const shelfResource = pikkuMCPResourceFunc<void>({
  func: async ({ catalogue }) => [{ uri: 'books://shelf', text: JSON.stringify(catalogue.search({})) }],
})

wireMCPResource({ uri: 'books://shelf', title: 'Shelf', description: 'Every book, as JSON.', func: shelfResource })
