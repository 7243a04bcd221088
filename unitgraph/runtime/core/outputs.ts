/** What functions return, against their schemas: in development only, since a wrong output is nobody's fault but their own. */
import type { Logger } from '../types/services.ts'
import type { Definition } from './definition.ts'
import type { Services } from './services.ts'

export const outputs = async ({ id, output }: Definition, result: unknown, services: Services): Promise<void> => {
  if (!output || result instanceof Response) return
  const { issues } = await output['~standard'].validate(result)
  if (!issues) return
  const message = `The output of ${id} is not what its schema says`
  ;(services['logger'] as Logger).error(message, { issues })
  throw new TypeError(message)
}
