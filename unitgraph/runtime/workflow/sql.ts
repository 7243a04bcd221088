/** Statements as Kysely has them, and what became of one that failed. Pure. */

/** In both databases' words: its parameters are `$1`, `$2` and so on, each once and in order. */
export const raw = (sql: string, ...parameters: unknown[]): object =>
  ({ sql, parameters, query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] }, queryId: { queryId: 'unitgraph' } })

/** The server's own words are the operator's business: a statement that is wrong is ours, and has done nothing. */
export const isFaultOfServer = (error: unknown): boolean => {
  const { code, errno } = error as { code?: string; errno?: string }
  // https://www.postgresql.org/docs/current/errcodes-appendix.html: connection, resources, operator's intervention, system
  return errno === undefined ? code?.startsWith('ERR_POSTGRES_') !== false : /^(08|53|57|58|25006)/.test(String(errno))
}
