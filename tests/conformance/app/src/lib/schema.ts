/** A schema as any library may give one: Standard Schema, written by hand. */

type Issue = { message: string; path?: (string | number)[] }
type Result<T> = { value: T } | { issues: Issue[] }

export interface Schema<T> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => Result<T>
    readonly types?: { readonly input: T; readonly output: T }
  }
}

export const schema = <T>(validate: (value: Record<string, unknown>) => Result<T>): Schema<T> => ({
  '~standard': {
    version: 1,
    vendor: 'by-hand',
    validate: (value) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? validate(value as Record<string, unknown>)
        : { issues: [{ message: 'Not an object' }] },
  },
})

/** A schema that tells others what it expects, as those of well-known libraries do. */
export const described = <Value>(
  check: (value: Readonly<Record<string, unknown>>) => Result<Value>, jsonSchema: Readonly<Record<string, unknown>>,
) => {
  const { '~standard': standard } = schema(check)
  return { '~standard': { ...standard, jsonSchema: { input: () => jsonSchema, output: () => jsonSchema } } }
}
