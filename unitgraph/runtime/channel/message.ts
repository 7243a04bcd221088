/**
 * What is said on a channel: which function a frame is for and with what, and what goes back. Knows no connection.
 *
 * A text frame is one JSON message. What one of its properties says may choose the function; it isn't a part of the
 * data then. A message that has `$id` is answered once, in an envelope that has it too. Where a program's commands are
 * messages, `$texts` names what of the data was typed.
 */
import { BadRequestError, NotFoundError, UnsupportedMediaTypeError, type ErrorReport } from '../core/errors.ts'
import { parseJson, toJson } from '../core/json.ts'
import { toBase64Url, toBytes } from '../core/text.ts'
import { errorBody } from '../http/respond.ts'

export const MESSAGE_LIMIT = 1024 * 1024
/** Answered at once, without anybody being asked; no JSON, so no message either. */
export const PING = 'ping'
export const PONG = 'pong'
const ID = '$id'
const TEXTS = '$texts'

export type Frame = string | Uint8Array<ArrayBuffer>

/** Which functions a channel calls. */
export interface Calls {
  readonly connect?: string
  readonly disconnect?: string
  /** For messages that mean no other. */
  readonly message?: string
  /** Property → what it says → function. */
  readonly messages?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** What is known of a message whatever becomes of it. */
export interface Asked {
  readonly id?: string | number
  /** The property that chose the function, and what it said. */
  readonly routed?: readonly [property: string, value: string]
}

export interface Message extends Asked {
  readonly function: string
  /** As the wiring is called between units, after the channel's name. */
  readonly wiring: string
  readonly data: unknown
  /** Names of the data whose values are texts, whatever the function expects there. */
  readonly texts?: readonly string[]
}

/** A failure, with what is known of the message that it answers. */
export interface Refused {
  readonly asked: Asked
  readonly error: unknown
}

type Fields = Record<string, unknown>

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

const takeId = (fields: Fields): { asked: Asked; rest: Fields } => {
  if (!Object.hasOwn(fields, ID)) return { asked: {}, rest: fields }
  const { [ID]: id, ...rest } = fields
  if (typeof id === 'string' ? id.length <= 128 : Number.isFinite(id)) return { asked: { id: id as string | number }, rest }
  throw new BadRequestError(`${ID} is a number, or a text of up to 128 characters`)
}

const takeTexts = (fields: Fields): { texts: readonly string[]; rest: Fields } => {
  const { [TEXTS]: texts = [], ...rest } = fields
  if (Array.isArray(texts) && texts.every((name) => typeof name === 'string')) return { texts: texts as string[], rest }
  throw new BadRequestError(`${TEXTS} are names`)
}

const otherwise = ({ message }: Calls, asked: Asked, data: unknown): Message => {
  if (message === undefined) throw new NotFoundError('Nothing answers this message')
  return { ...asked, function: message, wiring: 'message', data }
}

/** `isProgram`: messages are commands. */
export const readMessage = (calls: Calls, frame: Frame, isProgram = false): Message | Refused => {
  let asked: Asked = {}
  try {
    if (typeof frame !== 'string') {
      if (calls.message === undefined) throw new UnsupportedMediaTypeError('Messages are text here, not bytes')
      return otherwise(calls, asked, frame)
    }
    const value = parseJson(frame, 'message')
    if (!isFields(value)) return otherwise(calls, asked, value)
    const taken = takeId(value)
    asked = taken.asked
    for (const [property, functions] of Object.entries(calls.messages ?? {})) {
      const said = Object.hasOwn(taken.rest, property) ? taken.rest[property] : undefined
      if (typeof said !== 'string' || !Object.hasOwn(functions, said)) continue
      const { [property]: _said, ...data } = taken.rest
      const message = { ...asked, routed: [property, said], function: functions[said] ?? '', wiring: `${property}=${said}` } as const
      if (!isProgram) return { ...message, data }
      const { texts, rest } = takeTexts(data)
      return { ...message, data: rest, texts }
    }
    return otherwise(calls, asked, taken.rest)
  } catch (error) {
    return { asked, error }
  }
}

/** What a function sends: bytes as they are, everything else as JSON. */
export const encode = (data: unknown, isBinary = false): Frame => {
  if (data instanceof Uint8Array) return Uint8Array.from(data)
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  if (isBinary && typeof data === 'string') return toBytes(data)
  return toJson(data) ?? 'null'
}

/** What goes back for what a function returned; nothing for nothing, unless it is waited for. */
export const answerOf = ({ id, routed }: Asked, result: unknown): Frame | undefined => {
  const isBytes = result instanceof Uint8Array || result instanceof ArrayBuffer
  if (id !== undefined) {
    return toJson({ [ID]: id, ...(isBytes ? { base64url: toBase64Url(encode(result) as Uint8Array) } : { data: result }) })
  }
  if (result === undefined) return undefined
  // what says itself how it is JSON, as dates do, is that
  const hasFields = isFields(result) && !isBytes && typeof result['toJSON'] !== 'function'
  return hasFields && routed ? toJson({ [routed[0]]: routed[1], ...result }) : encode(result)
}

/** The same body as over HTTP, and the status that it would have there. */
export const failureOf = ({ id, routed }: Asked, report: ErrorReport, requestId: string): string =>
  toJson({
    ...(id !== undefined ? { [ID]: id } : routed && { [routed[0]]: routed[1] }),
    status: report.status,
    ...errorBody(report, requestId),
  })
