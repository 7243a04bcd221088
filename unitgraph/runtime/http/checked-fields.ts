/** Schemas that a route has of its own, for headers and for the query. */
import { validate } from '../core/validate.ts'
import type { HttpOptions } from '../types/http.ts'
import type { Fields } from './fields.ts'
import type { Incoming } from './wire.ts'

/** The query as its schema has it; headers that are checked take the place of those that came. */
export const checkedFields = async (
  { headers, query }: Pick<HttpOptions, 'headers' | 'query'>, http: Incoming, given: Fields, texts: ReadonlySet<string>,
): Promise<Fields> => {
  if (headers) http.headers = (await validate(headers, http.headers, new Set(Object.keys(http.headers)), 'header')) as Fields
  return query ? ((await validate(query, given, texts, 'query')) as Fields) : given
}
