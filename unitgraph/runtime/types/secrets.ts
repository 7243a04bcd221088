/** `#pikku/secrets`: which secrets and variables there are. */
import type { StandardSchema } from './schema.js'

/** What a declaration's schema gives, or a schema itself. Generated as `SettingValue<typeof import('../src/keys.js').stripe>`. */
export type SettingValue<D> = D extends { readonly schema: infer S } ? SettingValue<S>
  : D extends { readonly '~standard': { readonly types?: infer T } } ? (NonNullable<T> extends { readonly output: infer O } ? O : unknown)
  : unknown

interface Declared {
  name: string
  displayName?: string
  description?: string
  schema?: StandardSchema
}

export interface SecretDeclaration extends Declared {
  secretId: string
}

export interface VariableDeclaration extends Declared {
  variableId: string
}

export declare function wireSecret(secret: SecretDeclaration): void
export declare function defineSecret<const S extends SecretDeclaration>(secret: S): S
export declare function wireVariable(variable: VariableDeclaration): void
export declare function defineVariable<const V extends VariableDeclaration>(variable: V): V
