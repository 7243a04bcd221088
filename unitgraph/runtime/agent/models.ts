/// <reference path="./modules.d.ts" />
/** `provider/name` → a model: from the providers that the unit was built with, their keys from its secrets. */
import type { LanguageModel } from 'ai'
import { BadGatewayError } from '../core/errors.ts'
import type { SecretsService, VariablesService } from '../types/services.ts'

/** Where a provider is reached and with which key; ids of a variable and of a secret. */
export interface ProviderSettings {
  readonly name: string
  /** The provider's address, where it isn't the protocol's own. */
  readonly baseURL?: string
  /** A variable that holds another address. */
  readonly baseURLVariable?: string
  /** Without one, nothing is sent. */
  readonly apiKey?: string
}

export interface Reached {
  readonly name: string
  readonly baseURL: string | undefined
  readonly apiKey: string | undefined
  readonly fetch: typeof fetch
}

export type Protocol = (reached: Reached) => (model: string) => LanguageModel

export interface ModelProvider extends ProviderSettings {
  readonly protocol: Protocol
}

/** More than any answer needs; whatever a provider sends on is not read. */
const MOST_BYTES = 8 * 1024 * 1024

/** Ends an answer that doesn't end by itself. */
const bounded = async (...asked: Parameters<typeof fetch>): Promise<Response> => {
  const response = await fetch(...asked)
  if (!response.body) return response
  let size = 0
  const counted = response.body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      size += chunk.byteLength
      if (size > MOST_BYTES) controller.error(new BadGatewayError('The model said more than anybody would read'))
      else controller.enqueue(chunk)
    },
  }))
  return new Response(counted, { status: response.status, statusText: response.statusText, headers: response.headers })
}

export const resolveModel = async (
  providers: Readonly<Record<string, ModelProvider>>, model: string, secrets: SecretsService, variables: VariablesService,
): Promise<LanguageModel> => {
  const slash = model.indexOf('/')
  const name = model.slice(0, slash)
  const provider = Object.hasOwn(providers, name) ? providers[name] : undefined
  if (slash < 1 || !provider || slash === model.length - 1) {
    throw new Error(`The model ${model} is of no provider that this unit was built with: ${Object.keys(providers).join(', ')}`)
  }
  const { protocol, baseURL, baseURLVariable, apiKey } = provider
  const elsewhere = baseURLVariable === undefined ? undefined : (variables.get(baseURLVariable) as string | undefined)
  return protocol({
    name, baseURL: elsewhere || baseURL, apiKey: apiKey === undefined ? undefined : await secrets.getSecret(apiKey),
    fetch: bounded as typeof fetch,
  })(model.slice(slash + 1))
}
