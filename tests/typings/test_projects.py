"""Small projects: how services, sessions and functions that call each other get their types."""

from collections.abc import Callable

import pytest

from tests.typings.compile import RESOLUTIONS, Workshop
from unitgraph.rules.scaffold import scaffold

FORMS = {
    "services-from-factories": {
        "src/services.ts": """
            import { pikkuConfig, pikkuServices, pikkuWireServices } from '#pikku'
            export const createConfig = pikkuConfig(async () => ({ currency: 'EUR', limit: 3 }))
            export const createSingletonServices = pikkuServices(async ({ limit }, { logger }) => {
              logger.info('made')
              return { counter: { next: () => limit } }
            })
            export const createWireServices = pikkuWireServices(async ({ counter }, { session }) => ({
              tenant: { name: `${session?.userId}-${counter.next()}` },
            }))
            """,
        "src/functions.ts": """
            import { pikkuSessionlessFunc } from '#pikku'
            export const count = pikkuSessionlessFunc<void, { n: number; of: string; in: 'EUR' | string }>(
              async ({ counter, tenant, config }) => ({ n: counter.next(), of: tenant.name, in: config.currency }),
            )
            """,
    },
    "services-that-only-some-units-have": {
        "src/services.ts": """
            import { pikkuServices, requiredSingletonServices } from '#pikku'
            export const createSingletonServices = pikkuServices(async () => ({
              clock: requiredSingletonServices.clock ? { now: () => Date.now() } : undefined,
            }))
            """,
        "src/functions.ts": """
            import { pikkuSessionlessFunc } from '#pikku'
            export const time = pikkuSessionlessFunc<void, { now: number }>(async ({ clock }) => ({ now: clock.now() }))
            """,
    },
    "services-and-session-declared-as-interfaces": {
        "src/types.ts": """
            import type { CoreSingletonServices, CoreUserSession } from '#pikku'
            export interface Who extends CoreUserSession { team: string }
            export interface Mine extends CoreSingletonServices { mailer: { send(to: string): Promise<void> } }
            """,
        "src/services.ts": """
            import { pikkuServices } from '#pikku'
            export const createSingletonServices = pikkuServices(async () => ({ mailer: { send: async (_to: string) => {} } }))
            """,
        "src/functions.ts": """
            import { pikkuFunc } from '#pikku'
            export const greet = pikkuFunc<void, { team: string }>(async ({ mailer, logger }, _data, { session }) => {
              await mailer.send(session.userId ?? 'nobody')
              logger.info('sent')
              return { team: session.team }
            })
            """,
    },
    "a-session-that-is-a-type": {
        "src/functions.ts": """
            import { pikkuFunc, type CoreUserSession as Base } from '#pikku'
            export type Somebody = Base & { scopes: string[] }
            export const scopes = pikkuFunc<void, string[]>(async (_services, _data, { session }) => session.scopes)
            """,
    },
    "nothing-declared-anything-read": {
        "src/functions.ts": """
            import { pikkuSessionlessFunc } from '#pikku'
            export const read = pikkuSessionlessFunc(async ({ secrets, variables, eventHub }) => {
              await eventHub.publish('any', null, { at: 1 })
              return [await secrets.getSecret('ANY'), variables.get('ANY')]
            })
            """,
    },
    "secrets-and-variables-of-their-schemas": {
        "src/schemas.ts": """
            import * as z from 'zod'
            export const Stripe = z.object({ key: z.string() }).transform(({ key }) => ({ live: key.startsWith('sk_live') }))
            """,
        "src/settings.ts": """
            import * as z from 'zod'
            import { defineSecret, defineVariable, wireSecret, wireVariable } from '#pikku'
            import { Stripe } from './schemas.js'
            wireSecret({ name: 'stripe', secretId: 'STRIPE', schema: Stripe })
            wireSecret({ name: 'plain', secretId: 'PLAIN' })
            export const mail = defineSecret({ name: 'mail', secretId: 'MAIL', schema: z.object({ port: z.number() }) })
            export const size = defineVariable({ name: 'size', variableId: 'SIZE', schema: z.enum(['s', 'l']) })
            wireVariable({ name: 'shop', variableId: 'SHOP', schema: z.string().min(1) })
            wireVariable({ name: 'limit', variableId: 'LIMIT', schema: z.coerce.number() })
            wireVariable({ name: 'bare', variableId: 'BARE' })
            """,
        "src/functions.ts": """
            import { pikkuSessionlessFunc } from '#pikku'
            type Read = {
              live: boolean; port: number; size: 's' | 'l'; shop: string; limit: number; bare: string; plain: unknown
            }
            export const read = pikkuSessionlessFunc<void, Read>(async ({ secrets, variables }) => ({
              live: (await secrets.getSecretJSON('STRIPE')).live,
              port: (await secrets.getSecretJSON('MAIL')).port,
              size: variables.get('SIZE') ?? 's', shop: variables.get('SHOP') ?? '', limit: variables.get('LIMIT') ?? 0,
              bare: variables.get('BARE') ?? '', plain: await secrets.getSecretJSON('PLAIN'),
            }))
            // @ts-expect-error: its schema says what it is
            export const wrong = pikkuSessionlessFunc<void, number>(async ({ variables }) => variables.get('SHOP') ?? 1)
            // @ts-expect-error: not declared
            export const none = pikkuSessionlessFunc<void, unknown>(async ({ variables }) => variables.get('NONE'))
            """,
    },
    "topics": {
        "src/functions.ts": """
            import { pikkuSessionlessFunc } from '#pikku'
            export interface EventHubTopics { moved: { x: number } }
            export const move = pikkuSessionlessFunc(async ({ eventHub }) => {
              await eventHub.publish('moved', null, { x: 1 })
              // @ts-expect-error no such topic
              await eventHub.publish('stood', null, { x: 1 })
            })
            """,
    },
    "exported-otherwise": {
        "src/functions.ts": """
            import { pikkuSessionlessFunc } from '#pikku'
            const local = pikkuSessionlessFunc<{ a: number }, { b: string }>(async (_services, { a }) => ({ b: `${a}` }))
            export { local as renamed }
            export default pikkuSessionlessFunc<void, { c: boolean }>(async (_services, _data, { rpc }) => {
              const { b }: { b: string } = await rpc.invoke('renamed', { a: 1 })
              return { c: b === '1' }
            })
            """,
    },
    "recursion-by-schemas": {
        "src/functions.ts": """
            import * as z from 'zod'
            import { pikkuSessionlessFunc } from '#pikku'
            import { Shared as Common } from './shared.ts'
            const most = 170
            const Small = z.number().max(most)
            export const factorial = pikkuSessionlessFunc({
              input: z.object({ n: Small }),
              output: Common,
              func: async (_services, { n }, { rpc }) => {
                if (n < 2) return { result: 1 }
                const { result } = await rpc.invoke('factorial', { n: n - 1 })
                // @ts-expect-error the input is still known
                await rpc.invoke('factorial', { n: 'one' })
                return { result: result * n }
              },
            })
            """,
        "src/shared.ts": """
            import * as z from 'zod'
            export const Shared = z.object({ result: z.number() })
            """,
    },
    "recursion-by-types": {
        "src/deep/even.ts": """
            import { pikkuSessionlessFunc } from '#pikku'
            import type { Answer } from '../types.ts'
            interface Question { n: number }
            export const even = pikkuSessionlessFunc<Question, Answer>(async (_services, { n }, { rpc }) => {
              const { yes } = n === 0 ? { yes: true } : await rpc.invoke('odd', { n: n - 1 })
              return { yes }
            })
            """,
        "src/odd.ts": """
            import { pikkuSessionlessFunc } from '#pikku'
            import type { Answer } from './types.ts'
            export const odd = pikkuSessionlessFunc<{ n: number }, Answer>({
              func: async (_services, { n }, { rpc }) => {
                const { yes } = n === 0 ? { yes: false } : await rpc.invoke('even', { n: n - 1 })
                // @ts-expect-error the output is still known
                ;(await rpc.invoke('even', { n: 0 })).maybe
                return { yes }
              },
            })
            """,
        "src/types.ts": "export interface Answer { yes: boolean }",
    },
    "deep-names": {
        "src/functions.ts": """
            import { pikkuWorkflow } from '#pikku/workflow/pikku-workflow-types.gen.js'
            import { pikkuSessionlessFunc } from '../.pikku/pikku-types.gen.js'
            import { wireQueueWorker } from '#pikku/queue'
            import { BadRequestError } from '@pikku/core/errors'
            export const step = pikkuSessionlessFunc<{ n: number }, number>(async (_services, { n }) => {
              if (n < 0) throw new BadRequestError('n is negative')
              return n
            })
            export const walk = pikkuWorkflow(async ({ workflow }) => (await workflow.do('Step', 'step', { n: 1 })) + 1)
            wireQueueWorker({ name: 'steps', func: walk })
            """,
    },
}


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("form", FORMS)
def test_forms(workshop: Callable[[], Workshop], form: str, resolution: str) -> None:
    assert workshop().small(FORMS[form]).generate().check(resolution=resolution) == []


def test_a_function_that_cannot_be_named_takes_anything(workshop: Callable[[], Workshop]) -> None:
    project = workshop().small(
        {
            "src/functions.ts": """
                import { pikkuSessionlessFunc, wireHTTP } from '#pikku'
                wireHTTP({ method: 'get', route: '/x', func: pikkuSessionlessFunc(async () => ({ x: 1 })), auth: false })
                """
        }
    )
    types = project.analysed().typings()["project/functions.d.ts"]
    assert "typeof import" not in types
    assert project.generate().check() == []


def test_the_project_of_doit_init_passes(workshop: Callable[[], Workshop]) -> None:
    project = workshop()
    scaffold(project.root)
    assert project.generate().check() == []
