/** The bytes of a request's body, up to a limit. */
import { BadRequestError, PayloadTooLargeError } from '../core/errors.ts'

type Bytes = Uint8Array<ArrayBuffer>

const tooLarge = (limit: number) => new PayloadTooLargeError(`The body is larger than ${limit} bytes`)

/** It ended too early, or wasn't sent as it was announced: nothing of ours is at fault. */
const unreadable = (cause: unknown): never => {
  throw new BadRequestError('The body could not be read', { cause })
}

const readChunks = async (request: Request, limit: number): Promise<Bytes> => {
  let size = 0
  const chunks: Bytes[] = []
  try {
    const reader = request.body?.getReader()
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
      size += read.value.byteLength
      if (size > limit) {
        await reader?.cancel()
        break
      }
      chunks.push(read.value)
    }
  } catch (cause) {
    unreadable(cause)
  }
  if (size > limit) throw tooLarge(limit)
  return new Uint8Array(await new Blob(chunks).arrayBuffer())
}

/** All of it, but no more than `limit` bytes. Not async, as there is one of these a request. */
export const readBytes = (request: Request, limit: number): Promise<Bytes> => {
  const said = Number(request.headers.get('content-length') ?? NaN)
  if (said > limit) return Promise.reject(tooLarge(limit))
  // at once where its length is said, which whoever took it up to here has held it to
  return said <= limit ? request.arrayBuffer().then((whole) => {
    if (whole.byteLength > limit) throw tooLarge(limit)
    return new Uint8Array(whole)
  }, unreadable) : readChunks(request, limit)
}
