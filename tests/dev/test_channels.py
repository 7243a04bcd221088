"""A channel while its functions are edited: in Workers the very connection goes on, a process asks it to come again."""

from tests.channels.client import Client
from tests.dev.running import Running

CHAT = """
import { pikkuChannelFunc, wireChannel } from '#pikku'

export const speak = pikkuChannelFunc<{ text: string }, { heard: string }>(async (_services, { text }) => ({ heard: `first ${text}` }))

wireChannel({ name: 'chat', route: '/chat', auth: false, onMessageWiring: { action: { speak } } })
"""


def test_a_channel_is_answered_by_what_was_edited(shop: Running) -> None:
    is_process = any("(standalone)" in line for line in shop.lines)
    shop.checkout.write({"src/chat.functions.ts": CHAT})
    shop.until(lambda dev: dev.ask("GET", "/chat").status != 404)
    with Client(shop.port, "/chat") as client:
        client.send({"action": "speak", "text": "a"})
        assert client.get()["heard"] == "first a"
        before = len(shop.lines)
        shop.checkout.edit("src/chat.functions.ts", "first", "second")
        shop.wait_line("running .* later, after src/chat", after=before)
        if is_process:
            assert client.closed()[0] == 1012
        else:
            client.send({"action": "speak", "text": "b"})
            assert client.get()["heard"] == "second b"
    with Client(shop.port, "/chat") as again:
        again.send({"action": "speak", "text": "c"})
        assert again.get()["heard"] == "second c"
    (shop.checkout.root / "src/chat.functions.ts").unlink()
    shop.until(lambda dev: dev.ask("GET", "/chat").status == 404)
