"""Synthetic projects of any size, the same bytes for the same seed; knows nothing of how they are built.

A project has one HTTP route a unit, one to three functions a file, helpers in four layers (each imports two of the
layer below, the lowest all import ``lib/base.ts``), services with and without state, middleware by tag, and one
wiring file an area. ``python -m benchmarks.generate DIR --units 1000``.
"""

import argparse
import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

LAYERS = 4
UNITS_AN_AREA = 20
SHARING = (1, 1, 2, 3)      # functions in a file, in turn
SIZES = (10, 100, 1000, 3000)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is generated. ``files`` pads the project with further helpers up to that many source files."""

    units: int
    seed: int = 1
    files: int = 0
    zod: bool = False

    @property
    def name(self) -> str:
        return f"bench-{self.units}{'-zod' if self.zod else ''}"


def generate(shape: Shape, root: Path, *, modules: Path | None = None) -> Path:
    """Write the project into ``root``, which must not exist or be empty; ``modules`` is a node_modules with zod."""
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        raise SystemExit(f"{root} is not empty")
    for path, text in project(shape):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    if shape.zod:
        if modules is None:
            raise SystemExit("a project with zod needs --modules, a node_modules that has it")
        install_zod(root, modules)
    return root


def project(shape: Shape) -> Iterator[tuple[str, str]]:
    """Yield every file as (relative path, text)."""
    rng = random.Random(shape.seed)
    helpers = [list(layer) for layer in helper_layers(shape)]
    package: dict[str, object] = {"name": shape.name, "version": "1.0.0", "private": True, "type": "module"}
    if shape.zod:
        package["dependencies"] = {"zod": "^4.0.0"}
    yield "package.json", json.dumps(package, indent=2) + "\n"
    yield "tsconfig.json", TSCONFIG
    yield "pikku.config.json", CONFIG
    yield "src/services.ts", SERVICES
    yield "src/middleware.ts", MIDDLEWARE
    yield "src/lib/base.ts", BASE
    for depth, layer in enumerate(helpers):
        for number, name in enumerate(layer):
            below = rng.sample(helpers[depth - 1], k=min(2, len(helpers[depth - 1]))) if depth else []
            yield f"src/lib/layer{depth}/{name}.ts", helper(name, number, below, depth)
    top = helpers[-1]
    for area, numbers in enumerate(chunks(range(shape.units), UNITS_AN_AREA)):
        yield from area_files(area, numbers, top, random.Random(f"{shape.seed} {area}"), zod=shape.zod)


def area_files(
    area: int, numbers: list[int], helpers: list[str], rng: random.Random, *, zod: bool
) -> Iterator[tuple[str, str]]:
    """One area: its function files (one to three functions each) and the file that wires them."""
    wired: list[tuple[str, list[int]]] = []
    rest = list(numbers)
    while rest:
        size = 3 if zod else SHARING[len(wired) % len(SHARING)]
        file, rest = rest[:size], rest[size:]
        stem = f"thing{file[0]:04}"
        used = rng.sample(helpers, k=min(2, len(helpers)))
        yield f"src/area{area:03}/{stem}.functions.ts", functions(file, used, zod=zod)
        wired.append((stem, file))
    yield f"src/area{area:03}/wiring.ts", wiring(area, wired)


def functions(numbers: list[int], helpers: list[str], *, zod: bool) -> str:
    lines = [
        "import { NotFoundError, pikkuSessionlessFunc } from '#pikku'",
        *(["import { z } from 'zod'"] if zod else []),
        *(f"import {{ {name} }} from '../lib/layer{LAYERS - 1}/{name}.js'" for name in helpers),
        "",
    ]
    for number in numbers:
        lines += [function(number, helpers[number % len(helpers)], zod=zod)]
    return "\n".join(lines)


def function(number: int, helper_name: str, *, zod: bool) -> str:
    """One function. A third use the store, a third the mailer, all the logger."""
    service = ("store", "mailer", "clock")[number % 3]
    use = {
        "store": "await store.put(key, String(total))",
        "mailer": "await mailer.send(key, `total ${total}`)",
        "clock": "if (clock.now() < 0) throw new NotFoundError(`nothing before ${key}`)",
    }[service]
    if zod:
        head = dedent(f"""\
            const Input{number} = z.object({{
              id: z.string().min(1),
              amount: z.coerce.number().int().min(0).default(1),
              note: z.string().max(200).optional(),
              tags: z.array(z.string()).default([]),
            }})
            const Output{number} = z.object({{ key: z.string(), total: z.number(), tags: z.array(z.string()) }})

            export const getThing{number:04} = pikkuSessionlessFunc({{
              input: Input{number},
              output: Output{number},
              tags: ['things'],""")
    else:
        head = dedent(f"""\
            /** What getThing{number:04} is asked for. */
            export interface Thing{number:04}Input {{
              id: string
              amount?: number
              note?: string
              tags?: string[]
            }}

            export const getThing{number:04} = pikkuSessionlessFunc<
              Thing{number:04}Input,
              {{ key: string; total: number; tags: string[] }}
            >({{
              tags: ['things'],""")
    body = dedent(f"""\
          func: async ({{ logger, {service} }}, data) => {{
            const key = `thing-{number:04}-${{data.id}}`
            const total = {helper_name}((data.amount ?? 1) + {number})
            logger.info(`getThing{number:04} ${{key}}`)
            {use}
            const tags = (data.tags ?? []).map((tag) => tag.trim().toLowerCase())
            return {{ key, total, tags }}
          }},
        }})
        """)
    return f"{head}\n{body}"


def wiring(area: int, wired: list[tuple[str, list[int]]]) -> str:
    lines = ["import { wireHTTP } from '#pikku/http'"]
    for stem, numbers in wired:
        names = ", ".join(f"getThing{number:04}" for number in numbers)
        lines.append(f"import {{ {names} }} from './{stem}.functions.js'")
    lines.append("")
    for _, numbers in wired:
        for number in numbers:
            method = ("get", "post")[number % 2]
            route = f"/area{area}/things/{number}/:id"
            name = f"getThing{number:04}"
            lines.append(f"wireHTTP({{ method: '{method}', route: '{route}', func: {name}, auth: false }})")
    return "\n".join(lines) + "\n"


def helper_layers(shape: Shape) -> Iterator[list[str]]:
    """Names of the helpers, lowest layer first."""
    count = max(2 * LAYERS, shape.units // 2, shape.files - function_files(shape) if shape.files else 0)
    each, rest = divmod(count, LAYERS)
    for depth in range(LAYERS):
        yield [f"helper{depth}n{number}" for number in range(each + (1 if depth < rest else 0))]


def function_files(shape: Shape) -> int:
    """How many source files there are besides the helpers."""
    bare = Shape(shape.units, shape.seed, 0, shape.zod)
    return sum(1 for path, _ in project(bare) if path.startswith("src/") and "/layer" not in path)


def helper(name: str, number: int, below: list[str], depth: int) -> str:
    if depth:
        imports = "\n".join(f"import {{ {other} }} from '../layer{depth - 1}/{other}.js'" for other in below)
        calls = " + ".join(f"{other}(value)" for other in below)
    else:
        imports = "import { clamp } from '../base.js'"
        calls = f"clamp(value, {number}, {number + 1000})"
    return f"""{imports}

/** The {name} of a value: what is below it, and its own share. */
export function {name}(value: number): number {{
  const own = (value * {number % 7 + 2}) % {number % 11 + 3}
  return {calls} + own
}}

export function {name}Unused(values: readonly number[]): number {{
  return values.reduce((sum, value) => sum + {name}(value), 0)
}}
"""


def install_zod(root: Path, modules: Path) -> None:
    """Copy zod beside the project, with a lockfile that names it."""
    shutil.copytree(modules / "zod", root / "node_modules" / "zod")
    version = json.loads((modules / "zod" / "package.json").read_text())["version"]
    lock = {
        "name": f"bench{root.name}", "lockfileVersion": 3, "requires": True,
        "packages": {
            "": {"dependencies": {"zod": "^4.0.0"}},
            "node_modules/zod": {"version": version, "integrity": f"sha512-benchmark-{version}"},
        },
    }  # fmt: skip
    (root / "package-lock.json").write_text(json.dumps(lock, indent=2) + "\n")


def chunks(numbers: range, size: int) -> Iterator[list[int]]:
    for start in range(0, len(numbers), size):
        yield list(numbers[start : start + size])


TSCONFIG = """{
  "compilerOptions": {
    "target": "es2022", "module": "nodenext", "moduleResolution": "nodenext", "strict": true, "noEmit": true,
    "skipLibCheck": true
  },
  "include": ["src", ".pikku"]
}
"""

CONFIG = """{
  "srcDirectories": ["src"],
  "tsconfig": "./tsconfig.json",
  "outDir": ".pikku",
  "deploy": {
    "providers": { "cloudflare": "@pikku/deploy-cloudflare", "standalone": "@pikku/deploy-standalone" },
    "defaultProvider": "cloudflare"
  }
}
"""

SERVICES = """import { pikkuConfig, pikkuServices } from '#pikku'

class Store {
  readonly #values = new Map<string, string>()
  async put(key: string, value: string): Promise<void> {
    this.#values.set(key, value)
  }
  async get(key: string): Promise<string | undefined> {
    return this.#values.get(key)
  }
}

class Mailer {
  constructor(readonly from: string) {}
  async send(to: string, text: string): Promise<{ to: string; size: number }> {
    return { to: `${this.from}>${to}`, size: text.length }
  }
}

class Clock {
  now(): number {
    return Date.now()
  }
}

export const createConfig = pikkuConfig(async () => ({ from: 'bench@example.com' }))

export const createSingletonServices = pikkuServices(async (config) => ({
  store: new Store(),
  mailer: new Mailer(config.from),
  clock: new Clock(),
}))
"""

MIDDLEWARE = """import { addMiddleware, pikkuMiddleware } from '#pikku'

export const timing = pikkuMiddleware(async ({ logger }, _wire, next) => {
  const start = Date.now()
  await next()
  logger.info(`took ${Date.now() - start} ms`)
})

addMiddleware('things', [timing])
"""

BASE = """export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}

export const unusedTable = Array.from({ length: 4 }, (_, index) => index * index)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--units", type=int, default=100, help=f"usual sizes: {SIZES}")
    parser.add_argument("--files", type=int, default=0, help="pad with helpers to this many source files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--zod", action="store_true", help="zod schemas, three functions a file")
    parser.add_argument("--modules", type=Path, help="the node_modules to take zod from")
    options = parser.parse_args()
    shape = Shape(options.units, options.seed, options.files, options.zod)
    print(generate(shape, options.root, modules=options.modules))


if __name__ == "__main__":
    main()
