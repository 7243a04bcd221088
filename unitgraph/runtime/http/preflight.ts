/** An OPTIONS that nobody wrote, where there is middleware: such as CORS may answer it as it would the request it asks about. */
import { layersOf } from '../core/around.ts'
import { createWire, type RequestCall } from '../core/call.ts'
import type { Around } from '../core/invoke.ts'
import { onion } from '../core/onion.ts'
import type { Unit } from '../core/unit.ts'
import type { Route } from './index.ts'
import { BODY_LIMIT } from './limit.ts'
import type { Outgoing } from './outgoing.ts'

/** `routes` are those of the path; `around` says what stands around one of them there. */
export const preflight = async (
  unit: Unit, request: Request, call: RequestCall, path: string, out: Outgoing, routes: readonly Route[], around: (route: Route, path: string) => Around,
): Promise<unknown> => {
  const asked = request.headers.get('access-control-request-method')?.toUpperCase()
  const route = routes.find(({ method }) => method === asked) ?? routes[0]!
  const { definition, own } = route
  call.http = unit.pieces.exchange!(request, path, route.route, {}, BODY_LIMIT, call, out).http
  const layers = layersOf(unit, [...(own.tags ?? []), ...definition.tags], around(route, path))
  return onion(layers, await unit.host.services(), createWire(unit, call, definition.id), async () => undefined)
}
