/** The bytes of a request's body, up to a limit. */
import { BadRequestError, PayloadTooLargeError } from '../core/errors.ts'

/** All of it, but no more than `limit` bytes. */
export const readBytes = async (request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> => {
  const said = Number(request.headers.get('content-length') ?? NaN)
  let size = said > limit ? said : 0
  const chunks: Uint8Array<ArrayBuffer>[] = []
  try {
    // at once where its length is said, which whoever took it up to here has held it to
    if (said <= limit) {
      const whole = new Uint8Array(await request.arrayBuffer())
      if (whole.byteLength <= limit) return whole
      size = whole.byteLength
    }
    const reader = size ? undefined : request.body?.getReader()
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
      size += read.value.byteLength
      if (size > limit) {
        await reader?.cancel()
        break
      }
      chunks.push(read.value)
    }
  } catch (cause) {
    // it ended too early, or wasn't sent as it was announced: nothing of ours is at fault
    throw new BadRequestError('The body could not be read', { cause })
  }
  if (size > limit) throw new PayloadTooLargeError(`The body is larger than ${limit} bytes`)
  return new Uint8Array(await new Blob(chunks).arrayBuffer())
}
