import { pikkuSessionlessFunc, wireHTTP } from '#pikku'
import { report } from './check.js'
import { dbCases, noTransactionCases, transactionCases } from './db.cases.js'

export const runDb = pikkuSessionlessFunc<void, Record<string, string>>(async ({ db }) => report(dbCases, db))
export const runTransactions = pikkuSessionlessFunc<void, Record<string, string>>(async ({ db }) => report(transactionCases, db))
export const runNoTransactions = pikkuSessionlessFunc<void, Record<string, string>>(async ({ db }) => report(noTransactionCases, db))

wireHTTP({ method: 'post', route: '/run/db', func: runDb, auth: false })
wireHTTP({ method: 'post', route: '/run/transactions', func: runTransactions, auth: false })
wireHTTP({ method: 'post', route: '/run/no-transactions', func: runNoTransactions, auth: false })
