/** `db` in a process: a SQLite file in its data folder, or where `DATABASE_URL` leads. */
import { readText } from '../../core/environment.ts'
import { keepSecret } from '../../core/secrets.ts'
import type { Place } from '../../core/services.ts'
import type { Logger } from '../../types/services.ts'
import type { Kysely } from './kysely.ts'
import type { Migration } from './migrate.ts'
import { openPostgres, type KyselyOfPostgres } from './postgres.ts'
import { openSqlite, type KyselyOfSqlite } from './sqlite.ts'

/** A migration with the databases that it is for; without them it is for each. */
export type MigrationEntry = Migration & { readonly only?: 'sqlite' | 'postgres' }

const wrong = (why: string): never => {
  throw new Error(`DATABASE_URL can't be used: ${why}`)
}

const parsed = (text: string): URL => {
  try {
    return new URL(text)
  } catch {
    return wrong('it is no URL: write postgres://…, or file:///folder/name.sqlite')
  }
}

const keepPassword = (url: URL, text: string): void => {
  keepSecret(text)
  keepSecret(url.password)
  try {
    keepSecret(decodeURIComponent(url.password))
  } catch {
    // a password that is no URL's is kept as it stands
  }
}

export const db = (kysely: KyselyOfSqlite & KyselyOfPostgres, migrations: readonly MigrationEntry[] = []) =>
  async (base: Readonly<Record<string, unknown>>, { env, folder }: Place): Promise<Kysely> => {
    const text = readText(env, 'DATABASE_URL')
    const url = text ? parsed(text) : undefined
    const kind = url && /^postgres(?:ql)?:$/.test(url.protocol) ? 'postgres' : 'sqlite'
    if (url && kind === 'sqlite' && url.protocol !== 'file:') wrong('it must begin with postgres: or file:')
    if (url && kind === 'postgres') keepPassword(url, text ?? '')
    const own = migrations.filter(({ only }) => only === undefined || only === kind)
    const path = url ? decodeURIComponent(url.pathname) : `${folder()}/database.sqlite`
    const made = kind === 'postgres' ? await openPostgres(kysely, text ?? '', own) : await openSqlite(kysely, path, own)
    if (made.applied.length > 0) (base['logger'] as Logger).info('Migrations were applied', { migrations: made.applied })
    return made.db
  }
