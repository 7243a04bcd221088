"""A project that is edited at random: names that lean on names across files, in the ways in which findings are shared.

A file is a list of declarations and wirings, each of which uses names of others. Imports are written from where names
are now, so most states of the project are right; some edits make it wrong on purpose.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field

CONSTANTS = [f"c{number}" for number in range(6)]
OBJECTS = [f"o{number}" for number in range(4)]
HELPERS = [f"h{number}" for number in range(5)]
FUNCTIONS = [f"f{number}" for number in range(8)]
MIDDLEWARE = [f"m{number}" for number in range(3)]
SERVICES = ("alpha", "beta", "gamma", "queueService", "jwt")
HANDLERS = [f"n{number}" for number in range(3)]
FILES = ["src/a.ts", "src/b.ts", "src/c.ts", "src/in/d.ts", "src/in/e.ts"]
PLAIN = ["src/in/g.ts", "lib/f.ts", "lib/h.ts", "lib/i.ts"]     # mostly without anything authored
BARRELS = ["src/index.ts", "src/in/index.ts"]


@dataclass
class Piece:
    """One statement. ``name`` is what it declares, or ""; ``uses`` are names that its text refers to, ``calls`` the
    functions that it calls by name.
    """

    name: str
    text: str
    uses: tuple[str, ...] = ()
    exported: bool = True
    calls: tuple[str, ...] = ()


@dataclass
class Living:
    rng: random.Random
    files: dict[str, list[Piece]] = field(default_factory=dict)
    barrels: dict[str, list[str]] = field(default_factory=dict)     # barrel → the files that it passes on
    through: dict[tuple[str, str], str] = field(default_factory=dict)   # (file, name) → the barrel it is imported by
    padding: dict[str, int] = field(default_factory=dict)
    extras: dict[str, str] = field(default_factory=dict)
    alias: bool = False
    deploy: dict[str, object] = field(default_factory=dict)

    def place(self, name: str) -> str | None:
        return next((path for path, pieces in self.files.items() if any(each.name == name for each in pieces)), None)

    def names(self, known: list[str]) -> list[str]:
        return [name for name in known if self.place(name) is not None]

    # rendering

    def texts(self) -> dict[str, str]:
        files = {path: self._text(path) for path in self.files}
        files |= {path: self._barrel(path) for path in self.barrels}
        paths = {"@lib/*": ["./lib/*"]} if self.alias else {}
        files["tsconfig.json"] = json.dumps({"compilerOptions": {"paths": paths}})
        files["package.json"] = json.dumps({"name": "app", "imports": {"#lib/*": "./lib/*"}})
        files["pikku.config.json"] = json.dumps({"deploy": self.deploy})
        return files | self.extras

    def _barrel(self, path: str) -> str:
        return "".join(f"export * from '{self._specifier(path, other)}'\n" for other in self.barrels[path])

    def _passed(self, barrel: str, seen: set[str]) -> set[str]:
        """The files whose names a barrel passes on."""
        if barrel in seen or barrel not in self.barrels:
            return {barrel} - seen
        seen.add(barrel)
        return {path for other in self.barrels[barrel] for path in self._passed(other, seen)}

    def _text(self, path: str) -> str:
        pieces = self.files[path]
        own = {piece.name for piece in pieces}
        wanted = sorted({name for piece in pieces for name in piece.uses} - own)
        lines = ["import * as p from '#pikku'"]
        lines += [f"import {{ {name} }} from '{self._origin(path, name)}'" for name in wanted if name not in SERVICES]
        lines.append("// " + "." * self.padding.get(path, 0))
        for piece in pieces:
            lines.append(f"export {piece.text}" if piece.exported and piece.name else piece.text)
        return "\n".join(lines) + "\n"

    def _origin(self, path: str, name: str) -> str:
        """What a file imports a name from: where it is, or a barrel that passes it on."""
        place = self.place(name)
        barrel = self.through.get((path, name))
        if barrel is not None and barrel != path and place in self._passed(barrel, set()):
            place = barrel
        return self._specifier(path, place or "src/gone.ts")

    def _specifier(self, path: str, target: str) -> str:
        stem = target.rpartition(".")[0]
        if target.startswith("lib/") and not path.startswith("lib/"):
            return f"@lib/{stem[4:]}" if self.alias else f"#lib/{target[4:]}"
        up = "../" * path.count("/")
        return f"{up or './'}{stem}"


def start(seed: int) -> Living:
    rng = random.Random(seed)
    living = Living(rng, {path: [] for path in (*FILES, *PLAIN)}, {"src/index.ts": ["src/a.ts", "lib/f.ts"], "src/in/index.ts": ["lib/h.ts"]})
    living.files["src/services.ts"] = [services(living)]
    for name in CONSTANTS[:4]:
        put(living, constant(living, name))
    for name in HELPERS[:3]:
        put(living, helper(living, name))
    put(living, handler(living, HANDLERS[0]))
    for name in OBJECTS[:2]:
        put(living, routes(living, name))
    for name in FUNCTIONS[:4]:
        put(living, function(living, name))
    put(living, middleware(living, MIDDLEWARE[0]))
    for _ in range(4):
        put(living, wiring(living))
    return living


def put(living: Living, piece: Piece) -> None:
    is_plain = piece.name[:1] in ("c", "h", "n") and living.rng.random() < 0.8
    path = living.rng.choice(PLAIN if is_plain else FILES)
    pieces = living.files[path]
    pieces.insert(living.rng.randrange(len(pieces) + 1) if pieces else 0, piece)


# pieces


def constant(living: Living, name: str) -> Piece:
    rng = living.rng
    below = [other for other in living.names(CONSTANTS) if other < name]
    if below and rng.random() < 0.5:
        other = rng.choice(below)
        return Piece(name, f"const {name} = `${{{other}}}{rng.randrange(9)}`", (other,))
    return Piece(name, f"const {name} = '/{name}{rng.randrange(9)}'")


def helper(living: Living, name: str) -> Piece:
    rng = living.rng
    below = [other for other in living.names(HELPERS) if other < name]
    uses, calls = [], []
    for other in rng.sample(below, k=min(len(below), rng.randrange(3))):
        uses.append(other)
        calls.append(f"{other}(s)")
    for text, names in rng.sample(reads(living), k=rng.randrange(2)):
        calls.append(text.replace("secrets.", "s.secrets.").replace("variables.", "s.variables."))
        uses += names
    return Piece(name, f"const {name} = (s: any): any => [{', '.join(calls)}]", tuple(uses))


def handler(living: Living, name: str) -> Piece:
    """What a function does, apart from it."""
    called = living.names(FUNCTIONS)[:1]
    below = living.names(HELPERS)[:1]
    body = [*(f"rpc.invoke('{other}', {{}})" for other in called), *(f"{other}(1)" for other in below)]
    text = f"const {name} = async ({{ {living.rng.choice(SERVICES)} }}: any, data: any, {{ rpc }}: any) => [{', '.join(body)}]"
    return Piece(name, text, tuple(below), calls=tuple(called))


def reads(living: Living) -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = [
        ("secrets.getSecret('KEY_A')", ()),
        ("variables.get('REGION')", ()),
        ("secrets.getSecret(String(1))", ()),
    ]
    return found + [(f"secrets.getSecret({name})", (name,)) for name in living.names(CONSTANTS)]


def function(living: Living, name: str) -> Piece:
    rng = living.rng
    taken = rng.sample(SERVICES, k=rng.randrange(1, 3))
    uses: list[str] = []
    body: list[str] = []
    for other in rng.sample(living.names(HELPERS), k=min(1, len(living.names(HELPERS)))):
        uses.append(other)
        body.append(f"{other}({taken[0]})")
    for text, names in rng.sample(reads(living), k=rng.randrange(2)):
        body.append(text)
        uses += names
    others = [other for other in living.names(FUNCTIONS) if other != name]
    called: list[str] = []
    if others and rng.random() < 0.4:
        called.append(rng.choice(others))
        body.append(f"rpc.invoke('{called[-1]}', {{}})")
    if rng.random() < 0.3:
        body.append("rpc.exposed(String(1), {})")
    if "queueService" in taken:
        body.append("queueService.add('jobs', {})")
    options = "".join(
        text for text in ("expose: true, ", "tags: ['t'], ", "mcp: true, ", "deploy: 'server', ") if rng.random() < 0.15
    )
    handlers = living.names(HANDLERS)
    if handlers and rng.random() < 0.3:
        other = rng.choice(handlers)
        return Piece(name, f"const {name} = p.pikkuFunc({{ {options}func: {other} }})", (other,))
    kind = rng.choice(("pikkuFunc", "pikkuSessionlessFunc"))
    if others and rng.random() < 0.2:
        kind = "pikkuWorkflow"
        called.append(rng.choice(others))
        body = [f"workflow.do('one', '{called[-1]}', {{}})", "workflow.sleep('two', '5m')", *body]
    if others and rng.random() < 0.15:
        other = rng.choice(others)
        text = f"const {name} = p.pikkuAIAgent({{ name: 'the-{name}', model: 'openai/y', tools: [{other}] }})"
        return Piece(name, text, (other,))
    extra = ", secrets, variables" if rng.random() < 0.5 else ""
    wire = "{ rpc, workflow }" if kind == "pikkuWorkflow" else "{ rpc, secrets, variables }"
    if kind == "pikkuWorkflow":
        extra = ", secrets, variables"
    elif extra:
        wire = "{ rpc }"
    text = (
        f"const {name} = p.{kind}({{ {options}func: async ({{ {', '.join(taken)}{extra} }}, data, {wire}) => "
        f"[{', '.join(body)}] }})"
    )
    return Piece(name, text, tuple(uses), calls=tuple(called))


def routes(living: Living, name: str) -> Piece:
    """An object or an array of wirings that another file wires."""
    rng = living.rng
    known = living.names(FUNCTIONS)
    route, used = a_route(living)
    if known and rng.random() < 0.5:
        func = rng.choice(known)
        used = (*used, func)
    else:
        func = "p.pikkuSessionlessFunc(async ({ alpha }) => 1)"
    if rng.random() < 0.5:
        return Piece(name, f"const {name} = {{ method: 'get', route: {route}, func: {func} }}", used)
    return Piece(name, f"const {name} = {{ only: {{ method: 'post', route: {route}, func: {func}, auth: false }} }}", used)


def a_route(living: Living) -> tuple[str, tuple[str, ...]]:
    names = living.names(CONSTANTS)
    tail = f"/{living.rng.randrange(10_000)}"
    if names and living.rng.random() < 0.6:
        name = living.rng.choice(names)
        return f"{name} + '{tail}'", (name,)
    return f"'{tail}'", ()


def middleware(living: Living, name: str) -> Piece:
    rng = living.rng
    helpers = rng.sample(living.names(HELPERS), k=min(1, len(living.names(HELPERS))))
    calls = "".join(f"{other}(1); " for other in helpers)
    text = f"const {name} = p.pikkuMiddleware(async ({{ {rng.choice(SERVICES)} }}, _, next) => {{ {calls}await next() }})"
    return Piece(name, text, tuple(helpers))


def wiring(living: Living) -> Piece:
    rng = living.rng
    kind = rng.choice(("http", "http", "http", "object", "object", "queue", "schedule", "scope", "scope", "secret", "loop"))
    known = living.names(FUNCTIONS)
    objects = living.names(OBJECTS)
    number = rng.randrange(10_000)
    if kind == "object" and objects:
        name = rng.choice(objects)
        call = rng.choice((f"p.wireHTTPRoutes({{ routes: {{ {name} }} }})", f"p.wireHTTPRoutes({{ basePath: '/{number}', routes: {name} }})"))
        return Piece("", call, (name,))
    if kind == "scope":
        names = living.names(MIDDLEWARE)
        if names:
            name = rng.choice(names)
            return Piece("", rng.choice((f"p.addMiddleware('t', [{name}])", f"p.addHTTPMiddleware('/x/*', [{name}])")), (name,))
    if kind == "secret":
        return Piece("", f"p.wireSecret({{ name: 'key', displayName: 'Key {number % 3}', secretId: 'KEY_{number % 2}' }})")
    if known and kind == "queue":
        name = rng.choice(known)
        return Piece("", f"p.wireQueueWorker({{ queue: 'jobs{number}', func: {name} }})", (name,))
    if known and kind == "schedule":
        name = rng.choice(known)
        return Piece("", f"p.wireScheduler({{ name: 'at{number}', schedule: '0 3 * * *', func: {name} }})", (name,))
    if known and kind == "loop":
        route, used = a_route(living)
        name = rng.choice(known)
        return Piece("", f"for (const r of [{route}, '/l{number}']) p.wireHTTP({{ method: 'put', route: r, func: {name} }})", (*used, name))
    route, used = a_route(living)
    options = ""
    names = living.names(MIDDLEWARE)
    if names and rng.random() < 0.3:
        options = f", middleware: [{names[0]}], tags: ['t']"
        used = (*used, names[0])
    if known and rng.random() < 0.7:
        name = rng.choice(known)
        return Piece("", f"p.wireHTTP({{ method: 'get', route: {route}, func: {name}{options} }})", (*used, name))
    return Piece("", f"p.wireHTTP({{ method: 'post', route: {route}, func: async ({{ beta }}) => 1{options} }})", used)


def services(living: Living) -> Piece:
    rng = living.rng
    used: list[str] = []
    made: list[str] = []
    for name in SERVICES[: rng.randrange(2, 5)]:
        helpers = rng.sample(living.names(HELPERS), k=min(len(living.names(HELPERS)), rng.randrange(2)))
        used += helpers
        taken = rng.choice(("config", "{ secret: 'x' }", *(f"{other}(config)" for other in helpers)))
        made.append(f"{name}: {taken}")
    text = f"const createServices = p.pikkuServices(async (config, existing) => ({{ {', '.join(made)} }}))"
    return Piece("createServices", text, tuple(used))


# edits

Edit = Callable[[Living], str]
MAKERS: dict[str, tuple[list[str], Callable[[Living, str], Piece]]] = {
    "constant": (CONSTANTS, constant), "helper": (HELPERS, helper), "function": (FUNCTIONS, function),
    "routes": (OBJECTS, routes), "middleware": (MIDDLEWARE, middleware), "handler": (HANDLERS, handler),
}  # fmt: skip


def add(living: Living) -> str:
    what = living.rng.choice([*MAKERS, "function"])
    names, make = MAKERS[what]
    free = [name for name in names if living.place(name) is None]
    if free:
        put(living, make(living, free[0]))
    return f"add {what}"


def wire(living: Living) -> str:
    put(living, wiring(living))
    return "wire"


def rewrite(living: Living) -> str:
    """Another text for a piece that is there, where it is there."""
    path, index = pick(living)
    piece = living.files[path][index]
    for names, make in MAKERS.values():
        if piece.name in names:
            living.files[path][index] = make(living, piece.name)
    if piece.name == "createServices":
        living.files[path][index] = services(living)
    if not piece.name:
        living.files[path][index] = wiring(living)
    return f"rewrite {piece.name or 'wiring'} in {path}"


def remove(living: Living) -> str:
    path, index = pick(living)
    piece = living.files[path].pop(index)
    if piece.name:      # most removals leave nothing behind that uses the name
        for pieces in living.files.values():
            if living.rng.random() < 0.95:
                pieces[:] = [each for each in pieces if piece.name not in each.uses]
    return f"remove {piece.name or 'wiring'} from {path}"


def move(living: Living) -> str:
    path, index = pick(living)
    piece = living.files[path].pop(index)
    put(living, piece)
    return f"move {piece.name or 'wiring'} from {path}"


def shift(living: Living) -> str:
    """A comment, which moves everything behind it."""
    path = living.rng.choice(list(living.files))
    living.padding[path] = living.rng.randrange(40)
    return f"shift {path}"


def hide(living: Living) -> str:
    path, index = pick(living)
    piece = living.files[path][index]
    piece.exported = not piece.exported
    return f"{'show' if piece.exported else 'hide'} {piece.name}"


def barrel(living: Living) -> str:
    path = living.rng.choice(BARRELS)
    living.barrels[path] = living.rng.sample(list(living.files), k=living.rng.randrange(1, 5))
    if living.rng.random() < 0.6:
        living.barrels[path].insert(living.rng.randrange(2), next(other for other in BARRELS if other != path))
    for name in (*CONSTANTS, *HELPERS, *FUNCTIONS, *OBJECTS, *MIDDLEWARE, *HANDLERS):
        for importer in living.files:
            if living.rng.random() < 0.3:
                living.through[importer, name] = path
            elif living.rng.random() < 0.3:
                living.through.pop((importer, name), None)
    return f"barrel {path}"


def shadow(living: Living) -> str:
    """A file that stands before another one where imports are resolved, or no longer does."""
    path = living.rng.choice(["src/a.tsx", "src/in/d/index.ts", "lib/f.js", "src/b.test.ts", "src/new.ts"])
    if path in living.extras:
        del living.extras[path]
        return f"delete {path}"
    living.extras[path] = living.rng.choice(
        ["export const c1 = '/other'\n", "export const h0 = (s: any): any => s.secrets.getSecret('SHADOW')\n", "export {}\n"]
    )
    return f"create {path}"


def settings(living: Living) -> str:
    living.alias = living.rng.random() < 0.5
    living.deploy = living.rng.choice([{}, {"defaultTarget": "server"}, {"serverlessIncompatible": ["alpha"]}])
    return "settings"


def mend(living: Living) -> str:
    """Makes a project right that isn't: what leads nowhere goes, what is missing comes."""
    living.extras = {path: text for path, text in living.extras.items() if path == "src/b.test.ts"}
    while True:
        known = {piece.name for pieces in living.files.values() for piece in pieces} | set(SERVICES)
        before = sum(map(len, living.files.values()))
        for path, pieces in living.files.items():
            living.files[path] = [each for each in pieces if known.issuperset((*each.uses, *each.calls))]
        if sum(map(len, living.files.values())) == before:
            break
    wired = {name for pieces in living.files.values() for piece in pieces if not piece.name for name in piece.uses}
    for pieces in living.files.values():
        for piece in pieces:
            piece.exported = True
    if living.place("createServices") is None:
        living.files["src/services.ts"].append(services(living))
    for name in living.names(OBJECTS):
        wirings = [(path, piece) for path, pieces in living.files.items() for piece in pieces if piece.uses == (name,)]
        for path, piece in [(path, piece) for path, piece in wirings if not piece.name][1:]:
            living.files[path].remove(piece)
        if name not in wired:
            put(living, Piece("", f"p.wireHTTPRoutes({{ basePath: '/{living.rng.randrange(10_000)}', routes: {name} }})", (name,)))
    return "mend"


def breaks(living: Living) -> str:
    if "src/broken.ts" in living.extras:
        del living.extras["src/broken.ts"]
        return "mend"
    living.extras["src/broken.ts"] = living.rng.choice(
        ["export const = 1\n", "import { nothing } from './a'\nimport '#pikku'\n", "export * from './nowhere'\n"]
    )
    return "break"


EDITS: list[Edit] = [add, add, wire, wire, rewrite, rewrite, rewrite, rewrite, remove, move, shift, shift, hide, barrel, shadow, settings, breaks]


def pick(living: Living) -> tuple[str, int]:
    places = [(path, index) for path, pieces in living.files.items() for index in range(len(pieces))]
    return living.rng.choice(places)


def edit(living: Living, *, is_right: bool) -> list[str]:
    """Edits a project a few times and says how; one that isn't right is mostly mended."""
    if not is_right and living.rng.random() < 0.8:
        return [mend(living)]
    return [living.rng.choice(EDITS)(living) for _ in range(living.rng.choice((1, 1, 1, 2, 3)))]
