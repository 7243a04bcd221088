"""A project as a small model that can be edited at random; what it renders is always valid unless it says so."""

import random
from dataclasses import dataclass, field

from tests.system.projects import SHELL, texts

SERVICES = ("alpha", "beta", "gamma")


@dataclass
class Model:
    """Functions by name: (file, helper, service, literal); helpers by name: (helper below or "", literal)."""

    functions: dict[str, tuple[str, str, str, int]] = field(default_factory=dict)
    helpers: dict[str, tuple[str, int]] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=dict)
    comments: int = 0
    types: int = 0
    barrel: bool = False
    broken: bool = False
    count: int = 0

    def files(self) -> dict[str, str]:
        files = {
            "src/services.ts": services(),
            "src/wiring.ts": self.wiring(),
            **{f"src/lib/{name}.ts": self.helper(name) for name in self.helpers},
            **{f"src/{file}.functions.ts": self.functions_of(file) for file in self.places()},
        }
        if self.barrel:
            files["src/lib/index.ts"] = "".join(f"export * from './{name}.js'\n" for name in sorted(self.helpers))
        return texts(SHELL) | files

    def places(self) -> list[str]:
        return sorted({file for file, *_ in self.functions.values()})

    def helper(self, name: str) -> str:
        below, literal = self.helpers[name]
        head = f"import {{ {below} }} from './{below}.js'\n" if below else ""
        call = f"{below}(value)" if below else "value"
        shape = f"export interface Z{'zqjx' * self.types} {{ zzz: string }}\n"
        return f"{head}// {self.comments}\n{shape}export const {name} = (value: number): number => {call} + {literal}\n"

    def functions_of(self, file: str) -> str:
        mine = {name: what for name, what in sorted(self.functions.items()) if what[0] == file}
        used = sorted({helper for _, helper, _, _ in mine.values()})
        if self.barrel:
            imports = [f"import {{ {', '.join(used)} }} from './lib/index.js'"]
        else:
            imports = [f"import {{ {name} }} from './lib/{name}.js'" for name in used]
        lines = ["import { pikkuSessionlessFunc } from '#pikku'", *imports, f"type Q{'qz' * self.types} = 1", ""]
        for name, (_, helper, service, literal) in mine.items():
            lines += [
                f"/* {self.comments} */",
                f"export const {name} = pikkuSessionlessFunc<{{ n: number }}, {{ n: number }}>({{",
                f"  func: async ({{ {service} }}, {{ n }}) => ({{ n: {service}.apply({helper}(n) * {literal}) }}),",
                "})",
            ]
        if self.broken and file == self.places()[0]:
            lines.append("export const = 1")
        return "\n".join(lines) + "\n"

    def wiring(self) -> str:
        lines = ["import { wireHTTP } from '#pikku'"]
        for file in self.places():
            names = sorted(name for name, what in self.functions.items() if what[0] == file)
            lines.append(f"import {{ {', '.join(names)} }} from './{file}.functions.js'")
        for name, route in sorted(self.routes.items()):
            lines.append(f"wireHTTP({{ method: 'post', route: '{route}', func: {name}, auth: false }})")
        return "\n".join(lines) + "\n"


def services() -> str:
    classes = "".join(
        f"class {name.title()} {{ apply(n: number): number {{ return n + {place} }} }}\n"
        for place, name in enumerate(SERVICES)
    )
    made = ", ".join(f"{name}: new {name.title()}()" for name in SERVICES)
    return (
        f"import {{ pikkuConfig, pikkuServices }} from '#pikku'\n{classes}"
        "export const createConfig = pikkuConfig(async () => ({}))\n"
        f"export const createSingletonServices = pikkuServices(async () => ({{ {made} }}))\n"
    )


def start(rng: random.Random) -> Model:
    model = Model()
    for _ in range(4):
        add_helper(model, rng)
    for _ in range(5):
        add_function(model, rng)
    return model


def step(model: Model, rng: random.Random) -> str:
    """Edit the model once; returns what was done."""
    if model.broken:
        model.broken = False
        return "mend"
    name, edit = rng.choice(list(EDITS.items()))
    edit(model, rng)
    return name


def add_helper(model: Model, rng: random.Random) -> None:
    model.count += 1
    model.helpers[f"helper{model.count}"] = (rng.choice(["", *sorted(model.helpers)]), rng.randrange(100))


def add_function(model: Model, rng: random.Random) -> None:
    model.count += 1
    name = f"func{model.count}"
    helper = rng.choice(sorted(model.helpers))
    model.functions[name] = (rng.choice(["a", "b", "c"]), helper, rng.choice(SERVICES), rng.randrange(1, 100))
    model.routes[name] = f"/{name}"


def remove_function(model: Model, rng: random.Random) -> None:
    if len(model.functions) > 2:
        name = rng.choice(sorted(model.functions))
        del model.functions[name], model.routes[name]


def move_function(model: Model, rng: random.Random) -> None:
    name = rng.choice(sorted(model.functions))
    _, helper, service, literal = model.functions[name]
    model.functions[name] = (rng.choice(["a", "b", "c"]), helper, service, literal)


def change_function(model: Model, rng: random.Random) -> None:
    name = rng.choice(sorted(model.functions))
    file, helper, service, _ = model.functions[name]
    model.functions[name] = (file, helper, service, rng.randrange(1, 100))


def change_service(model: Model, rng: random.Random) -> None:
    name = rng.choice(sorted(model.functions))
    file, helper, _, literal = model.functions[name]
    model.functions[name] = (file, helper, rng.choice(SERVICES), literal)


def change_import(model: Model, rng: random.Random) -> None:
    name = rng.choice(sorted(model.functions))
    file, _, service, literal = model.functions[name]
    model.functions[name] = (file, rng.choice(sorted(model.helpers)), service, literal)


def change_helper(model: Model, rng: random.Random) -> None:
    name = rng.choice(sorted(model.helpers))
    model.helpers[name] = (model.helpers[name][0], rng.randrange(100))


def remove_helper(model: Model, rng: random.Random) -> None:
    used = {helper for _, helper, _, _ in model.functions.values()} | {below for below, _ in model.helpers.values()}
    free = sorted(set(model.helpers) - used)
    if free and len(model.helpers) > 2:
        del model.helpers[rng.choice(free)]


def rename_helper(model: Model, rng: random.Random) -> None:
    model.count += 1
    old, new = rng.choice(sorted(model.helpers)), f"helper{model.count}"
    model.helpers = {
        (new if name == old else name): (new if below == old else below, literal)
        for name, (below, literal) in model.helpers.items()
    }
    model.functions = {
        name: (file, new if helper == old else helper, service, literal)
        for name, (file, helper, service, literal) in model.functions.items()
    }


def change_route(model: Model, rng: random.Random) -> None:
    name = rng.choice(sorted(model.routes))
    model.routes[name] = f"/{name}/{rng.randrange(100)}"


def change_comments(model: Model, rng: random.Random) -> None:
    model.comments += 1


def change_types(model: Model, rng: random.Random) -> None:
    """Names of types, in letters that are rare: short names are drawn by how often letters occur."""
    model.types = rng.randrange(60)


def toggle_barrel(model: Model, rng: random.Random) -> None:
    model.barrel = not model.barrel


def break_it(model: Model, rng: random.Random) -> None:
    model.broken = True


EDITS = {
    "add helper": add_helper,
    "add function": add_function,
    "remove function": remove_function,
    "move function": move_function,
    "change function": change_function,
    "change service": change_service,
    "change import": change_import,
    "change helper": change_helper,
    "remove helper": remove_helper,
    "rename helper": rename_helper,
    "change route": change_route,
    "change comments": change_comments,
    "change types": change_types,
    "toggle barrel": toggle_barrel,
    "break": break_it,
}
