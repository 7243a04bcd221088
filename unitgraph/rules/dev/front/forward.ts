/** Hands a request on to where the units are, and their answer back, byte by byte. Knows HTTP, no versions. */

/** What belongs to one connection only: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1 */
const OF_CONNECTIONS = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']

/** The path with its query as it was sent: a path that begins with two slashes names no host. */
export const target = (request: Request): string => {
  const { url } = request
  const at = url.indexOf('/', url.indexOf('//') + 2)
  return at < 0 ? '/' : url.slice(at)
}

export const headersFor = (request: Request): Headers => {
  const headers = new Headers(request.headers)
  const named = headers.get('connection')?.split(',').map((name) => name.trim().toLowerCase()) ?? []
  for (const name of [...OF_CONNECTIONS, ...named]) if (name !== '') headers.delete(name)
  return headers
}

/** `done` is called when the last byte of the answer is through, or nobody waits for it any more. */
export const forward = async (request: Request, address: string, done: () => void, sent = headersFor(request)): Promise<Response> => {
  const { method, body } = request
  try {
    const answer = await fetch(`${address}${target(request)}`, {
      method, body, headers: sent, redirect: 'manual', signal: request.signal,
      // a connection is used once: none is idle in the moment in which what is behind it goes
      decompress: false, keepalive: false,
    } as RequestInit)
    const headers = new Headers(answer.headers)
    for (const name of OF_CONNECTIONS) headers.delete(name)
    // a stream of events has no end that anybody could wait for
    if (answer.body === null || headers.get('content-type')?.startsWith('text/event-stream')) done()
    const through = answer.body && told(answer.body, done)
    return new Response(through, { status: answer.status, statusText: answer.statusText, headers })
  } catch (error) {
    done()
    throw error
  }
}

/** The same bytes; says when they have ended. */
const told = (body: ReadableStream<Uint8Array>, done: () => void): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  return new ReadableStream({
    pull: async (controller) => {
      try {
        const { done: isEnd, value } = await reader.read()
        if (!isEnd) return controller.enqueue(value)
        controller.close()
      } catch (error) {
        controller.error(error)
      }
      done()
    },
    cancel: async (reason) => {
      done()
      await reader.cancel(reason)
    },
  })
}
