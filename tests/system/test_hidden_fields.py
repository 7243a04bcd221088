"""What a schema of a library marks as secret comes into the entry of whoever runs the workflow, wherever it is written."""

from collections.abc import Callable

import pytest

from tests.harness import Checkout
from tests.packages import link_packages
from tests.system.projects import SHELL

PROJECT = SHELL | {
    "package.json": '{ "name": "shop", "version": "1.0.0", "private": true, "type": "module", "dependencies": { "zod": "4" } }\n',
    "src/schemas.ts": "import { z } from 'zod'\nexport const Key = z.string().min(1)\n",
    "src/keys.ts": "import { z } from 'zod'\nimport { Key } from './schemas.js'\nexport const Keys = z.object({ keys: z.array(z.object({ key: Key })) })\n",
    "src/steps.ts": """
        import { pikkuSessionlessFunc } from '#pikku'
        import { Keys } from './keys.js'
        export const store = pikkuSessionlessFunc({ input: Keys, expose: true, func: async (_services, { keys }) => ({ count: keys.length }) })
        """,
    "src/flows.ts": """
        import { pikkuWorkflow } from '#pikku'
        export const rotate = pikkuWorkflow<{ user: string }, { count: number }>(async ({ workflow }) =>
          workflow.do('Store', 'store', { keys: [{ key: 'k' }] }))
        """,
}


@pytest.mark.parametrize("mark", ["format: 'password'", "writeOnly: true"])
def test_a_mark_in_a_helper_moves_the_workflow_that_calls_who_takes_it(checkout: Callable[..., Checkout], mark: str) -> None:
    shop = checkout(PROJECT)
    link_packages(shop.root / "node_modules", ["dev"])
    shop.plan()
    flow, path = ".deploy/cloudflare/units/shop-rotate/index.js", '"keys","*","key"'
    assert path not in shop.read(flow).replace(" ", "").replace("\n", "")
    shop.edit("src/schemas.ts", ".min(1)", f".min(1).meta({{ {mark} }})")
    shop.plan()
    assert path in shop.read(flow).replace(" ", "").replace("\n", "")
