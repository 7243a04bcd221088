"""What connections cost in the executable, beside the same on bare `Bun.serve`: opening, telling all, memory.

    python -m benchmarks.bench_channels [--connections 1000] [--rounds 20] [--json]

A round is one message that one client says and all others hear: it ends when the last has heard it. Both servers are
asked by the same client, one after the other, on the same machine. Memory is what the server's process holds more
with all connections than before the first, shared by their number.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.executable import build
from unitgraph.rules.toolchain import find_bun

FILES: Mapping[str, str] = {
    "package.json": '{ "name": "rooms", "private": true, "type": "module" }\n',
    "tsconfig.json": '{ "compilerOptions": { "module": "esnext", "moduleResolution": "bundler", "strict": true } }\n',
    "pikku.config.json": '{ "srcDirectories": ["src"], "deploy": { "defaultProvider": "standalone" } }\n',
    "src/rooms.ts": """\
import { pikkuChannelFunc, wireChannel } from '#pikku'

type Said = { room: string; n: number }

export const join = pikkuChannelFunc<{ room: string }, { joined: string }>({
  func: async ({ eventHub }, { room }, { channel }) => {
    await eventHub.subscribe(room, channel.channelId)
    return { joined: room }
  },
})
export const say = pikkuChannelFunc<Said, void>({
  func: async ({ eventHub }, { room, n }, { channel }) => eventHub.publish(room, channel.channelId, { n }),
})

wireChannel({ name: 'rooms', route: '/rooms', auth: false, onMessageWiring: { action: { join, say } } })
""",
    "bare.ts": """\
const server = Bun.serve({
  port: 0, hostname: '127.0.0.1',
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response('', { status: 426 })),
  websocket: {
    message: (socket, text) => {
      const { action, room, n } = JSON.parse(text)
      if (action === 'say') return void socket.publish(room, JSON.stringify({ n }))
      socket.subscribe(room)
      socket.send(JSON.stringify({ action, joined: room }))
    },
  },
})
console.log(JSON.stringify({ msg: 'listening', port: server.port }))
""",
    "client.ts": """\
const [url = '', pid = '', connections = '', rounds = ''] = process.argv.slice(2)
const rss = async () => Number(/VmRSS:\\s+(\\d+)/.exec(await Bun.file(`/proc/${pid}/status`).text())?.[1]) * 1024
const count = Number(connections)
const sockets: WebSocket[] = []
let heard = 0
let all = Promise.withResolvers<void>()
const open = () => new Promise<void>((resolve, reject) => {
  const socket = new WebSocket(url)
  socket.onopen = () => socket.send(JSON.stringify({ action: 'join', room: 'all' }))
  socket.onerror = () => reject(new Error('not opened'))
  socket.onmessage = ({ data }) => {
    if (JSON.parse(data).joined) return resolve()
    heard += 1
    if (heard === count - 1) all.resolve()
  }
  sockets.push(socket)
})
await open()
const before = await rss()
const began = performance.now()
for (let from = 1; from < count; from += 50) await Promise.all(Array.from({ length: Math.min(50, count - from) }, open))
const openMs = performance.now() - began
await Bun.sleep(1000)
const after = await rss()
const times: number[] = []
for (let n = 0; n < Number(rounds); n += 1) {
  heard = 0
  all = Promise.withResolvers()
  const said = performance.now()
  sockets[0]!.send(JSON.stringify({ action: 'say', room: 'all', n }))
  await all.promise
  times.push(performance.now() - said)
}
times.sort((a, b) => a - b)
const middle = times[Math.floor(times.length / 2)] ?? 0
console.log(JSON.stringify({
  opened_per_s: Math.round((count - 1) / (openMs / 1000)), all_told_ms: Math.round(middle * 10) / 10,
  slowest_ms: Math.round((times.at(-1) ?? 0) * 10) / 10, kb_each: Math.round((after - before) / count / 102.4) / 10,
}))
process.exit(0)
""",
}


def measured(command: list[str], path: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Start a server, let the client ask it, and stop it."""
    environment = {"PATH": os.defpath, "PORT": "0", "HOST": "127.0.0.1", "UNITGRAPH_DATA": str(folder / "data")}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, cwd=folder)
        assert server.stdout
        try:
            port = next(line["port"] for line in map(json.loads, server.stdout) if line["msg"] == "listening")
            drain = subprocess.Popen(["cat"], stdin=server.stdout, stdout=log)      # its log is written, as in earnest
            asked = [str(find_bun().path), "client.ts", f"ws://127.0.0.1:{port}{path}", str(server.pid)]
            asked += [str(options.connections), str(options.rounds)]
            done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=True, timeout=300)
        finally:
            server.terminate()
            server.wait(60)
            drain.wait(60)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "rooms"
        program = build(folder, FILES)
        ours = measured([str(program)], "/rooms", folder, options)
        bare = measured([str(find_bun().path), "bare.ts"], "/", folder, options)
    rows = {"executable": ours, "bare Bun.serve": bare}
    if options.json:
        print(json.dumps(rows))
        return
    for name, row in rows.items():
        print(f"{name:16}", *(f"{key} {value:>8}" for key, value in row.items()), sep="  ")
    told, opened = bare["all_told_ms"] / ours["all_told_ms"], ours["opened_per_s"] / bare["opened_per_s"]
    print(f"of bare: told at {told:.2f}, opened at {opened:.2f}")


if __name__ == "__main__":
    main()
