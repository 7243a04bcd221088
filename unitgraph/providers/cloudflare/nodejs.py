"""Node's builtin modules that workerd has under nodejs_compat, by the names that old packages import them under."""

from typing import Final

BUILTINS: Final = (
    "assert", "async_hooks", "buffer", "crypto", "diagnostics_channel", "dns", "events", "fs", "http", "https",
    "module", "net", "os", "path", "perf_hooks", "process", "punycode", "querystring", "stream", "string_decoder",
    "timers", "tls", "tty", "url", "util", "zlib",
)  # fmt: skip
