"""The bookshop passes the type checker, and wrong uses of its names fail where they stand."""

from collections.abc import Callable
from textwrap import dedent, indent

import pytest

from tests.typings.compile import RESOLUTIONS, Complaint, Workshop

HERE = "// here"

# Name → (the expected error, the body of a function; the marked line is where the error must be).
WRONG = {
    "unknown-function": ("TS2345", "await rpc.invoke('reserveStok', { lines: [] }) // here"),
    "wrong-input": ("TS2322", "await rpc.invoke('getBook', { isbn: 9780141439471 }) // here"),
    "unknown-input": ("TS2353", "await rpc.invoke('getBook', { isbn: '9780141439471', edition: 2 }) // here"),
    "missing-input": ("TS2554", "await rpc.invoke('getBook') // here"),
    "input-of-a-schema": ("TS2322", "await rpc.invoke('listBooks', { genre: 'cooking' }) // here"),
    "unknown-output": ("TS2339", """
        const book = await rpc.invoke('getBook', { isbn: '9780141439471' })
        book.subtitle // here
        """),
    "output-of-another-type": ("TS2322", """
        const { priceCents } = await rpc.invoke('getBook', { isbn: '9780141439471' })
        const price: string = priceCents // here
        price.trim()
        """),
    "unknown-queue": ("TS2345", "await queueService.add('reorder', { isbn: '9780141439471', copies: 1 }) // here"),
    "wrong-job": ("TS2741", "await queueService.add('reorders', { isbn: '9780141439471' }) // here"),
    "not-exposed": ("TS2345", "await rpc.exposed('signIn', { email: 'a@b.example', password: 'x' }) // here"),
    "unknown-workflow": ("TS2345", "await rpc.startWorkflow('onboardWriter', { userId: 'x', email: '' }) // here"),
    "wrong-workflow-input": ("TS2322", "await rpc.startWorkflow('onboardReader', { userId: 1, email: '' }) // here"),
    "unknown-agent": ("TS2345", "await rpc.agent.run('librarian', { message: 'Hello' }) // here"),
    "unknown-secret": ("TS2345", "await secrets.getSecret('JWT_SECRETS') // here"),
    "unknown-variable": ("TS2345", "variables.get('SHOPNAME') // here"),
    "unknown-session-field": ("TS2339", "session.nickname // here"),
    "wrong-argument-of-a-service": ("TS2345", "catalogue.get(9780141439471) // here"),
}  # fmt: skip

FUNCTION = """\
import {{ pikkuFunc }} from '#pikku'
export const {name} = pikkuFunc(async ({{ catalogue, queueService, secrets, variables }}, _data, {{ rpc, session }}) => {{
{body}
  return [catalogue, queueService, secrets, variables, rpc, session]
}})
"""

WHOLE = {
    "unknown-service": ("TS2339", """
        import { pikkuFunc } from '#pikku'
        export const check = pikkuFunc(async ({ warehouse }) => warehouse) // here
        """),
    "wrong-return": ("TS2769", """
        import { pikkuFunc } from '#pikku'
        export const check = pikkuFunc<{ isbn: string }, { stock: number }>({
          func: async (_services, { isbn }) => ({ stock: isbn }), // here
        })
        """),
    "wrong-return-of-a-schema": ("TS2769", """
        import * as z from 'zod'
        import { pikkuFunc } from '#pikku'
        export const check = pikkuFunc({
          input: z.object({ isbn: z.string() }),
          output: z.object({ stock: z.number() }),
          func: async (_services, { isbn }) => ({ stock: isbn }), // here
        })
        """),
    "unknown-step": ("TS2769", """
        import { pikkuWorkflow } from '#pikku'
        export const check = pikkuWorkflow(async ({ workflow }) => {
          await workflow.do('Create', 'createRaeder', { userId: '', email: '' }) // here
        })
        """),
    "maybe-no-session": ("TS18048", """
        import { pikkuSessionlessFunc } from '#pikku'
        export const check = pikkuSessionlessFunc(async (_services, _data, { session }) => session.userId) // here
        """),
}  # fmt: skip

RIGHT = """
    import * as z from 'zod'
    import { pikkuFunc as relative } from '../../.pikku/pikku-types.gen.js'
    import { pikkuWorkflow } from '#pikku/workflow'
    import { pikkuFunc, type Services, type UserSession } from '#pikku'
    import { ConflictError } from '@pikku/core/errors'

    export const chained = relative(async (_services, _data, { rpc, session }) => {
      const { total } = await rpc.invoke('listBooks', { limit: '3' })
      const who: 'reader' | 'staff' = (await rpc.invoke('whoAmI')).role
      if (total === 0) throw new ConflictError(`${session.userId} and ${who} see nothing`)
      return { total }
    })
    export const inferred = pikkuFunc({
      input: z.object({ more: z.number() }),
      func: async (_services, { more }, { rpc }) => (await rpc.invoke('chained')).total + more,
    })
    export const stepwise = pikkuWorkflow(async ({ workflow }) => {
      const sum: number = await workflow.do('Add', 'inferred', { more: 1 })
      return { sum }
    })
    export const passedOn = ({ catalogue }: Services, session: UserSession) => [catalogue.search({}), session.role]
    """


# What the analysis itself says of these: it knows constant names, the type checker all of the types.
KNOWN = ("agent-unknown", "function-not-exposed", "function-unknown", "workflow-step-unknown", "workflow-unknown")


def test_it_passes(workshop: Callable[[], Workshop]) -> None:
    assert workshop().bookshop().generate().check() == []


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_wrong_uses_fail_where_they_stand(workshop: Callable[[], Workshop], resolution: str) -> None:
    shop = workshop().bookshop()
    files = {f"src/wrong/{name}.ts": _function(name, body) for name, (_, body) in WRONG.items()}
    files |= {
        f"src/wrong/{name}.ts": dedent(text).lstrip().replace("check", _identifier(name))
        for name, (_, text) in WHOLE.items()
    }
    shop.write(files | {"src/wrong/right.ts": dedent(RIGHT)})
    expected = {f"src/wrong/{name}.ts": code for name, (code, _) in (WRONG | WHOLE).items()}
    assert shop.generate(problems=KNOWN).check(resolution=resolution) == sorted(
        Complaint(path, _marked(files[path]), code) for path, code in expected.items()
    )


def _function(name: str, body: str) -> str:
    return FUNCTION.format(name=_identifier(name), body=indent(dedent(body).strip(), "  "))


def _identifier(name: str) -> str:
    return f"check{name.title().replace('-', '')}"


def _marked(text: str) -> int:
    (line,) = [number for number, line in enumerate(text.splitlines(), 1) if line.endswith(HERE)]
    return line
