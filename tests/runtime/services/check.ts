/** The little of a test's words that works inside a unit, wherever that runs. */
export type Cases<Service> = Readonly<Record<string, (service: Service) => Promise<unknown>>>

const text = (value: unknown): string =>
  JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? `${item}n` : item instanceof Map || item instanceof Set ? [item.constructor.name, ...item]
      : item instanceof Uint8Array ? ['bytes', ...item] : item === undefined ? 'undefined' : item) ?? 'undefined'

export const same = (found: unknown, wanted: unknown): void => {
  if (text(found) !== text(wanted)) throw new Error(`found ${text(found)}, wanted ${text(wanted)}`)
}

/** The status of the error that comes of it; fails where none does. */
export const refused = async (work: () => Promise<unknown>): Promise<number> => {
  let status: number | undefined
  try {
    await work()
  } catch (error) {
    status = (error as { status?: number }).status ?? 500
  }
  if (status === undefined) throw new Error('an error was wanted, and none came')
  return status
}

/** Each case by name with "ok", or what it failed with. */
export const report = async <Service>(cases: Cases<Service>, service: Service): Promise<Record<string, string>> => {
  const found: Record<string, string> = {}
  for (const [name, work] of Object.entries(cases)) {
    try {
      await work(service)
      found[name] = 'ok'
    } catch (error) {
      found[name] = error instanceof Error ? (error.stack ?? error.message) : String(error)
    }
  }
  return found
}
