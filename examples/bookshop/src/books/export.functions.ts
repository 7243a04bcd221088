import { pikkuFunc } from '#pikku'
import { isStaff } from '../accounts/permissions.ts'

const columns = ['isbn', 'title', 'author', 'genre', 'priceCents', 'stock'] as const

const quoted = (value: string | number) => `"${String(value).replaceAll('"', '""')}"`

/** Takes minutes on a real catalogue, so it belongs to the long-running server and not to a worker. */
export const exportCatalogue = pikkuFunc<void, { filename: string; csv: string }>({
  deploy: 'server',
  permissions: { staff: isStaff },
  func: async ({ catalogue }) => {
    const rows = catalogue.search({}).map((book) => columns.map((column) => quoted(book[column])).join(','))
    return { filename: 'catalogue.csv', csv: [columns.join(','), ...rows].join('\n') }
  },
})
