/** Migrations of a project: SQL files in the order of their names, each once. Knows no database. */

export interface Migration {
  readonly name: string
  /** Of its text, which is never changed once it was applied. */
  readonly digest: string
  readonly sql: string
}

export interface Applied {
  readonly name: string
  readonly digest: string
}

/** What a database does. Whoever has the lock is the only one, until `locked` ends. */
export interface Migrated {
  locked(work: (applied: readonly Applied[], apply: (migration: Migration) => Promise<void>) => Promise<void>): Promise<void>
}

/** The names of those that were applied now. Throws where the database has another history than the project. */
export const migrate = async (database: Migrated, migrations: readonly Migration[]): Promise<readonly string[]> => {
  const done: string[] = []
  await database.locked(async (applied, apply) => {
    const known = new Map(applied.map(({ name, digest }) => [name, digest]))
    const changed = migrations.filter(({ name, digest }) => known.has(name) && known.get(name) !== digest).map(({ name }) => name)
    if (changed.length > 0) {
      throw new Error(`${changed.join(', ')} was changed after it had been applied: undo that, and write another migration`)
    }
    const last = applied.map(({ name }) => name).sort().at(-1) ?? ''
    const waiting = migrations.filter(({ name }) => !known.has(name))
    const late = waiting.filter(({ name }) => name < last).map(({ name }) => name)
    // an older release that is put back has fewer of them, which is nothing wrong; one that came in between is
    if (late.length > 0) throw new Error(`${late.join(', ')} comes before ${last}, which was applied already: give it a later name`)
    for (const migration of waiting) {
      try {
        await apply(migration)
      } catch (error) {
        throw new Error(`The migration ${migration.name} failed, and nothing of it was kept: ${(error as Error).message}`, { cause: error })
      }
      done.push(migration.name)
    }
  })
  return done
}

export const TABLE = 'unitgraph_migrations'
