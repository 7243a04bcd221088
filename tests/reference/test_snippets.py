"""The snippets of the reference's pages, verbatim but for imports, as projects: they type-check, build, and run.

A page shows no imports, and leaves out the functions that it names; both are added here, and nothing else.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conformance import places
from tests.conformance.asked import Asked
from tests.harness import REPOSITORY, Checkout, Tools
from tests.typings.compile import OPTIONS, RESOLUTIONS, Workshop
from unitgraph.rules.toolchain import ensure, user_cache
from unitgraph.units.config import parse_config

SNIPPETS = Path(__file__).parent / "snippets"
BOOKSHOP = REPOSITORY / "examples" / "bookshop"


@dataclass(frozen=True, slots=True)
class Page:
    """``files``: path → (what stands before the snippet, the snippet); ``own``: what its reader has already."""

    name: str
    files: dict[str, tuple[str, str]]
    own: dict[str, str]
    listed: dict[str, str] = field(default_factory=dict)


OWN = """
    import { pikkuSessionlessFunc } from '#pikku'

    export const createProfile = pikkuSessionlessFunc<{ email: string; userId: string }, { created: string }>({
      func: async (_services, { userId }) => ({ created: userId }),
    })
    export const videoTranscode = pikkuSessionlessFunc<{ file: string }, void>({ func: async () => {} })
    export const sendEmail = pikkuSessionlessFunc<{ to: string; template?: string }, { sent: string }>({
      func: async (_services, { to }) => ({ sent: to }),
    })
    """

IMPORTS = """\
import { pikkuAIAgent, wireHTTP, wireQueueWorker, wireScheduler } from '#pikku'
import { onboardUser } from './onboard.ts'
import { batchOnboard } from './own.ts'
"""

PAGES = [
    Page(
        "workflows",
        {
            "src/onboard.ts": ("import { z } from 'zod'\nimport { pikkuWorkflow } from '#pikku'\n", "onboard.ts"),
            "src/anywhere.ts": (
                IMPORTS,
                "anywhere.ts",
            ),
        },
        {
            "src/own.ts": OWN
            + """
    export const createWorkspace = pikkuSessionlessFunc<{ userId: string }, { workspace: string }>({
      expose: true,
      func: async (_services, { userId }) => ({ workspace: userId }),
    })
    export const batchOnboard = pikkuSessionlessFunc<void, void>(async ({ logger }) => logger.info('a batch'))
    """
        },
        {
            "agents": "ops-assistant",
            "workflows": "onboardUser",
            "queues": "signups",
            "scheduledTasks": "batch-onboard",
        },
    ),
    Page(
        "steps of every kind",
        {
            "src/approved.ts": (
                "import { z } from 'zod'\nimport { pikkuWorkflow } from '#pikku'\nimport { crmApi } from './crm.ts'\n",
                "approved.ts",
            )
        },
        {
            "src/crm.ts": "export const crmApi = { create: async (data: { userId: string }) => ({ id: data.userId }) }\n",
            "src/own.ts": OWN
            + """
    export const refund = pikkuSessionlessFunc<unknown, void>({ func: async () => {} })
    export const a = pikkuSessionlessFunc<object, { done: string }>({ expose: true, func: async () => ({ done: 'a' }) })
    export const b = pikkuSessionlessFunc<object, { done: string }>({ func: async () => ({ done: 'b' }) })
    """,
        },
        {"workflows": "onboardUser"},
    ),
]
ASKED = {
    "workflows": ("/rpc/createWorkspace", {"userId": "ada"}, {"workspace": "ada"}),
    "steps of every kind": ("/rpc/a", {}, {"done": "a"}),
}
"""What of each page is called where it runs: functions beside the workflow, which their units hold for themselves."""


def project(page: Page) -> dict[str, str]:
    files = {path: dedent(text).lstrip("\n") for path, text in page.own.items()}
    for path, (before, snippet) in page.files.items():
        files[path] = f"{before}\n{(SNIPPETS / snippet).read_text('utf-8')}"
    package = {
        "name": "page", "private": True, "type": "module",
        "imports": {"#pikku": "./.pikku/index.ts", "#pikku/*": "./.pikku/*.ts"},
    }  # fmt: skip
    package |= {
        key: json.loads((BOOKSHOP / "package.json").read_text())[key] for key in ("dependencies", "devDependencies")
    }
    files["pikku.config.json"] = (SNIPPETS / "pikku.config.json").read_text("utf-8")
    files["package.json"] = json.dumps(package)
    options = {key: value for key, value in OPTIONS.items() if not key.startswith("no") or key == "noEmit"}
    files["tsconfig.json"] = json.dumps(
        {"compilerOptions": options | RESOLUTIONS["bundler"], "include": ["src", ".pikku"]}
    )
    files["bun.lock"] = (BOOKSHOP / "bun.lock").read_text("utf-8").replace('"bookshop"', '"page"')
    return files


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_type_checks(page: Page, tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "work", ensure("dev", user_cache(os.environ)))
    workshop.write(project(page))
    assert workshop.generate().check() == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_builds_and_runs(page: Page, tools: Tools, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "work", tools, tmp_path / "cache")
    checkout.write(project(page))
    found = checkout.run("info", "--json").json
    for kind, name in page.listed.items():
        assert name in [each["name"] for each in found[kind]], kind
    path, data, answer = ASKED[page.name]
    asked = Asked("POST", path, [("content-type", "application/json")], json.dumps(data).encode())
    checkout.run("plan", "--provider", "cloudflare")
    with places.as_executable(checkout, tmp_path / "data") as place:
        found = place.ask(asked)
        assert (found.status, found.json) == (200, answer)


@pytest.mark.parametrize("name", sorted(path.name for path in SNIPPETS.glob("deploy-*.json")))
def test_a_piece_of_configuration_is_one(name: str) -> None:
    _config, _text, mistakes = parse_config((SNIPPETS / name).read_text("utf-8"))
    assert mistakes == ()
