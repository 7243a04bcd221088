/** Standard Schema, version 1 (https://standardschema.dev): the one form in which the runtime knows a schema. */

export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** What a caller gives. */
export type InferInput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['input']

/** What the function gets. */
export type InferOutput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['output']
