/** `#pikku/secrets`: which secrets and variables there are. */
import type { StandardSchema } from './schema.js'

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
