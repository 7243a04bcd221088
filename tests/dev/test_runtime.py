"""The runtime under `dev`, which a process has in bundles of its own: one, whoever imports it, by whatever name."""

from tests.dev.running import Running

SHELF = """
import { NotFoundError } from '#pikku/errors'

export const find = (title: string): string => {
  if (title !== 'Emma') throw new NotFoundError(`there is no ${title}`)
  return title
}
"""
FUNCTIONS = """
import { pikkuSessionlessFunc, wireHTTP } from '#pikku'
import { find } from './shelf.ts'

export const look = pikkuSessionlessFunc<{ title: string }, { found: string }>({
  func: async (_services, { title }) => ({ found: find(title) }),
})

wireHTTP({ method: 'get', route: '/shelf/:title', func: look, auth: false })
"""


def test_an_error_that_a_helper_throws_is_the_one_that_requests_are_answered_by(shop: Running) -> None:
    shop.checkout.write({"src/shelf.ts": SHELF, "src/shelf.functions.ts": FUNCTIONS})
    shop.until(lambda dev: dev.ask("GET", "/shelf/Emma").status == 200)
    assert shop.ask("GET", "/shelf/Persuasion").status == 404


def test_a_module_that_the_runtime_has_not_is_missed_where_it_is_imported(shop: Running) -> None:
    before = len(shop.lines)
    shop.checkout.write({"src/shelf.ts": SHELF.replace("#pikku/errors", "#pikku/mistakes"), "src/shelf.functions.ts": FUNCTIONS})
    shop.wait_line(r"src/shelf.ts:2:.*#pikku/mistakes", after=before)
    for name in ("src/shelf.functions.ts", "src/shelf.ts"):
        (shop.checkout.root / name).unlink()
    shop.until(lambda dev: dev.ask("GET", "/shelf/Emma").status == 404)
