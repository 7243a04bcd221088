/** WebSockets through the front: each has one behind it, and what either says or ends reaches the other. */
import { headersFor, target } from './forward.ts'
import type { Gate } from './gate.ts'

/** "Service Restart": https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number */
const RESTART = 1012

interface Behind {
  readonly socket: WebSocket
  readonly gate: Gate
  readonly address: string
  ended: () => void
  /** What came before the client could hear it. */
  early: (string | ArrayBuffer)[]
}

export interface Client {
  readonly data: Behind
  send(message: string | ArrayBuffer): unknown
  close(code?: number, reason?: string): void
}

interface Upgrader {
  upgrade(request: Request, options: { data: Behind; headers: Headers }): boolean
}

/** Codes that only an implementation may say: https://www.rfc-editor.org/rfc/rfc6455#section-7.4 */
const sayable = (code: number): number => ([1004, 1005, 1006, 1015].includes(code) || code < 1000 ? 1011 : code)

/** False: what is behind took no WebSocket, and its own answer says why. */
export const upgrade = async (request: Request, address: string, gate: Gate, server: Upgrader): Promise<boolean> => {
  const headers = Object.fromEntries(headersFor(request))
  const protocols = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? []
  for (const name of Object.keys(headers)) if (name.startsWith('sec-websocket')) delete headers[name]
  const socket = new WebSocket(`${address.replace('http', 'ws')}${target(request)}`, { headers, protocols } as never)
  socket.binaryType = 'arraybuffer'
  const behind: Behind = { socket, gate, address, ended: () => undefined, early: [] }
  socket.onmessage = ({ data }) => void behind.early.push(data as string | ArrayBuffer)
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.onopen = () => resolve(true)
    socket.onerror = socket.onclose = () => resolve(false)
  })
  if (!isOpen) return false
  const answered = new Headers()        // an empty object is refused by Bun
  if (socket.protocol !== '') answered.set('sec-websocket-protocol', socket.protocol)
  if (server.upgrade(request, { data: behind, headers: answered })) return true
  socket.close()
  return false
}

/** What Bun's server calls of its sockets. */
export const handlers = {
  idleTimeout: 0,
  open: (client: Client): void => {
    const { socket, early, gate, address } = client.data
    client.data.ended = gate.hold(address, () => client.close(RESTART, 'another version runs now'))
    for (const message of early) client.send(message)
    socket.onmessage = ({ data }) => void client.send(data as string | ArrayBuffer)
    socket.onclose = ({ code, reason }) => client.close(sayable(code), reason)
    socket.onerror = null
    if (socket.readyState > WebSocket.OPEN) client.close(RESTART, 'what it was connected to has ended')
  },
  message: (client: Client, message: string | ArrayBuffer): void => {
    if (client.data.socket.readyState === WebSocket.OPEN) client.data.socket.send(message)
  },
  close: (client: Client, code: number, reason: string): void => {
    const { socket, ended } = client.data
    ended()
    socket.onclose = null
    // a client of its own may say no other codes
    if (socket.readyState <= WebSocket.OPEN) socket.close(code >= 3000 ? code : 1000, reason)
  },
}
