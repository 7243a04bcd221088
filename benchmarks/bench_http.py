"""HTTP throughput of the executable, beside the same handler on bare `Bun.serve` and on Hono, in turns in the same run.

    python -m benchmarks.bench_http [--seconds 3] [--rounds 5] [--connections 32] [--json]

A POST with JSON whose body is checked against one and the same schema (valibot, which is what unitgraph derives from
the function's type), and an answer of JSON. `wrk` asks (Debian has it). Ratios are those of one round,
so that a machine whose speed wanders doesn't decide them. CPU is the server's user and system time for a request,
which doesn't depend on who else wants the processors as much as the rate does; of all rounds the least is taken.
"""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.executable import build
from unitgraph.rules.toolchain import ensure, user_cache

BODY = {"bookId": "9780141439518", "quantity": 2, "note": "as a present", "tags": ["gift", "novel"]}
PROJECT: Mapping[str, str] = {
    "package.json": '{ "name": "bench", "private": true, "type": "module" }\n',
    "tsconfig.json": '{ "compilerOptions": { "module": "esnext", "moduleResolution": "bundler", "strict": true } }\n',
    "pikku.config.json": '{ "srcDirectories": ["src"], "deploy": { "defaultProvider": "standalone" } }\n',
    "src/orders.ts": """\
import { pikkuSessionlessFunc, wireHTTP } from '#pikku'

interface Order { bookId: string; quantity: number; note?: string; tags: string[] }

export const order = pikkuSessionlessFunc<Order, { bookId: string; total: number; tags: number }>({
  func: async (_services, { bookId, quantity, tags }) => ({ bookId, total: quantity * 750, tags: tags.length }),
})

wireHTTP({ method: 'post', route: '/orders/:shop', func: order, auth: false })
""",
}
SCHEMA = (
    "v.object({ bookId: v.string(), quantity: v.number(), note: v.optional(v.string()), tags: v.array(v.string()) })"
)
CONTENDERS: Mapping[str, str] = {
    "bare": f"""\
import * as v from 'valibot'
const schema = {SCHEMA}
Bun.serve({{ port: Number(process.env.PORT), hostname: '127.0.0.1', fetch: async (request) => {{
  const path = new URL(request.url).pathname
  if (request.method !== 'POST' || !path.startsWith('/orders/')) return new Response(null, {{ status: 404 }})
  const checked = v.safeParse(schema, await request.json())
  if (!checked.success) return Response.json({{ error: 'invalid' }}, {{ status: 400 }})
  const {{ bookId, quantity, tags }} = checked.output
  return Response.json({{ bookId, total: quantity * 750, tags: tags.length }})
}} }})
""",
    "hono": f"""\
import {{ Hono }} from 'hono'
import * as v from 'valibot'
const schema = {SCHEMA}
const app = new Hono()
app.post('/orders/:shop', async (context) => {{
  const checked = v.safeParse(schema, await context.req.json())
  if (!checked.success) return context.json({{ error: 'invalid' }}, 400)
  const {{ bookId, quantity, tags }} = checked.output
  return context.json({{ bookId, total: quantity * 750, tags: tags.length }})
}})
Bun.serve({{ port: Number(process.env.PORT), hostname: '127.0.0.1', fetch: app.fetch }})
""",
}
WRK = """\
wrk.method = "POST"
wrk.body = [[%s]]
wrk.headers["Content-Type"] = "application/json"
done = function(summary, latency)
  io.write(string.format("RESULT %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.read + summary.errors.connect + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""
RESULT = re.compile(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)")
Command = Sequence[str | Path]


@contextmanager
def running(command: Command, log: Path, environment: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """The port that it listens on, and its process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with open(log, "wb") as file:
        env = {**environment, "PORT": str(port)}
        process = subprocess.Popen(command, stdout=file, stderr=file, env=env, cwd=log.parent)
    try:
        end = time.monotonic() + 30
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"it did not start: {log.read_text()}")
            time.sleep(0.01)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def commands(folder: Path) -> dict[str, tuple[Command, Mapping[str, str]]]:
    """Each contender as an executable, as ours is one: what compiling gains, all of them have."""
    dev = ensure("dev", user_cache(os.environ))
    (folder / "node_modules").symlink_to(dev.modules)
    program = build(folder / "bench", PROJECT)
    place = {"HOST": "127.0.0.1", "UNITGRAPH_DATA": str(folder / "data")}
    found: dict[str, tuple[Command, Mapping[str, str]]] = {
        "unitgraph, LOG_LEVEL=warn": ([program], place | {"LOG_LEVEL": "warn"}),
        "unitgraph, a line a request": ([program], place),
    }
    for name, text in CONTENDERS.items():
        (folder / f"{name}.ts").write_text(text, "utf-8")
        options = ["--compile", "--minify", "--bytecode", f"--outfile={folder / name}"]
        subprocess.run([dev.bun, "build", *options, folder / f"{name}.ts"], check=True, capture_output=True)
        found[name] = ([folder / name], {})
    return found


def asked(port: int, script: Path, seconds: int, connections: int) -> dict[str, float]:
    wrk: list[str | Path] = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, f"http://127.0.0.1:{port}/orders/a"]
    done = subprocess.run(wrk, capture_output=True, text=True, check=True)
    found = RESULT.search(done.stdout)
    if found is None:
        raise SystemExit(done.stdout + done.stderr)
    requests, us, errors, median, slow = map(int, found.groups())
    if errors:
        raise SystemExit(f"{errors} requests went wrong: {done.stdout}")
    return {"per_s": requests / us * 1e6, "median_ms": median / 1000, "p99_ms": slow / 1000}


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def round_of(server: tuple[int, int], script: Path, seconds: int, connections: int) -> dict[str, float]:
    port, pid = server
    before = cpu_s(pid)
    found = asked(port, script, seconds, connections)
    return found | {"cpu_us": (cpu_s(pid) - before) / (found["per_s"] * seconds) * 1e6}


def measure(seconds: int, rounds: int, connections: int, say: Callable[[str], None]) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        script = folder / "post.lua"
        script.write_text(WRK % json.dumps(BODY), "utf-8")
        servers = {
            name: stack.enter_context(running(command, folder / f"{number}.log", environment))
            for number, (name, (command, environment)) in enumerate(commands(folder).items())
        }
        for port, _ in servers.values():
            asked(port, script, 1, connections)
        turns: list[dict[str, dict[str, float]]] = []
        for number in range(rounds):
            turns.append({name: round_of(one, script, seconds, connections) for name, one in servers.items()})
            say(f"round {number + 1}: " + ", ".join(f"{name} {each['per_s']:,.0f}" for name, each in turns[-1].items()))
    return {
        name: {key: statistics.median(turn[name][key] for turn in turns) for key in ("per_s", "median_ms", "p99_ms")}
        | {"of_bare": statistics.median(turn[name]["per_s"] / turn["bare"]["per_s"] for turn in turns)}
        | {"cpu_us": min(turn[name]["cpu_us"] for turn in turns)}
        for name in servers
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not there: install it, on Debian by apt-get install wrk.")
    say: Callable[[str], None] = (lambda _text: None) if options.json else print
    found = measure(options.seconds, options.rounds, options.connections, say)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, each in found.items():
        print(
            f"{name:30} {each['per_s']:9,.0f} requests/s  {each['of_bare']:.2f} of bare Bun  "
            f"CPU {each['cpu_us']:.1f} µs, {found['bare']['cpu_us'] / each['cpu_us']:.2f} of bare Bun  "
            f"median {each['median_ms']:.2f} ms  p99 {each['p99_ms']:.2f} ms"
        )


if __name__ == "__main__":
    main()
