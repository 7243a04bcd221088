/** A session from an API key. */
import { InvalidSessionError } from '../core/errors.ts'
import { digest, toBytes } from '../core/text.ts'
import type * as api from '../types/middleware.ts'

/** Digests are compared, so that how long it takes says nothing of the key. */
const equal = async (a: string, b: string): Promise<boolean> => (await digest(toBytes(a))) === (await digest(toBytes(b)))

/* @__NO_SIDE_EFFECTS__ */
export const authAPIKey: typeof api.authAPIKey = ({ header = 'x-api-key', query, secretId, session }) =>
  async (services, wire, next) => {
    const fromQuery = query === undefined ? undefined : wire.http?.request.query()[query]
    const key = wire.http?.request.header(header) ?? fromQuery
    if (wire.session || key === undefined) return next()
    const one = String(key)
    let found = await session?.(one, services)
    if (!found && secretId && (await equal(one, await services.secrets.getSecret(secretId)))) found = {}
    if (!found) throw new InvalidSessionError('The API key is not valid')
    await wire.setSession(found)
    return next()
  }
