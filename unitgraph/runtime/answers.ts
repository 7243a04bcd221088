/** For units that others call. */
import { answerRemote } from './core/remote.ts'
import type { Part } from './core/unit.ts'
import { RPC_PATH } from './http/path.ts'

export const answers: Part['start'] = (unit) => (request, call, path) =>
  path.startsWith(RPC_PATH) && request.method === 'POST' ? answerRemote(unit, request, call) : undefined
