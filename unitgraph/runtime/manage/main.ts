/// <reference path="./modules.d.ts" />
/**
 * Answers `doit runs`: the first line of standard input says where the runs are, each further one is a question, which is
 * answered by a line an item and a line that ends them. Run by Bun, from the package: the stores are those of the server.
 */
import { createInterface } from 'node:readline'
import type { Environment } from '../core/environment.ts'
import { acts, Refused, type Questions } from './acts.ts'
import { open, type Opening } from './place.ts'

type Question = { [Do in keyof Questions]: { readonly do: Do; readonly given: Questions[Do] } }[keyof Questions]

declare const process: { readonly env: Environment; readonly stdin: unknown; exit(code: number): never }
declare const Bun: { readonly stdout: unknown; write(file: unknown, text: string): Promise<unknown> }

/** What an export isn't asked for. */
const CHANGES: ReadonlySet<string> = new Set<keyof Questions>(['cancel', 'resume', 'fork'])

const say = (said: object): Promise<unknown> => Bun.write(Bun.stdout, `${JSON.stringify(said)}\n`)

const refused = (error: unknown): object => {
  if (error instanceof Refused) return { is: 'refused', code: error.code, ...error.more }
  const cause = error instanceof Error && error.cause instanceof Error && error.message === 'The store can\'t be reached' ? error.cause : error
  return { is: 'refused', code: 'unusable', why: cause instanceof Error ? cause.message : String(cause) }
}

const questions = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const next = async (): Promise<unknown> => {
  const { done, value } = await questions.next()
  return done ? undefined : JSON.parse(value as string)
}

try {
  const opening = (await next()) as Opening
  const { shelf, close } = await open(process.env, opening)
  for (let question = (await next()) as Question | undefined; question; question = (await next()) as Question | undefined) {
    try {
      if (opening.file !== null && CHANGES.has(question.do)) throw new Refused('read-only')
      const act = acts[question.do] as (shelf: unknown, given: unknown) => AsyncIterable<unknown>
      for await (const item of act(shelf, question.given)) await say({ is: 'item', item })
      await say({ is: 'end' })
    } catch (error) {
      await say(refused(error))
    }
  }
  await close()
} catch (error) {
  await say(refused(error))
}
process.exit(0)
