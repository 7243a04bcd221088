"""What every command has: the project's folder, exit statuses, and errors that read as sentences.

Exit status: 0 done, 1 the user's or the project's error, 2 changes with --detailed-exitcode, 3 a fault of ours,
130 interrupted.
"""

import difflib
import gc
import os
import sys
import tempfile
import traceback
from abc import ABC, abstractmethod
from getopt import GetoptError
from pathlib import Path
from typing import Any

from doit.cmd_base import Command
from doit.cmdparse import CmdParseError

from unitgraph.errors import UnitgraphError

Option = dict[str, Any]
_HELP = frozenset(("--help", "-h"))
_ALLOCATIONS = 50_000
"""Between two looks for cycles: a command makes many objects that live to its end, and few cycles."""
DIRECTORY: Option = {
    "name": "directory", "short": "d", "long": "dir", "type": str, "default": ".",
    "help": "the project's folder, or one inside it [default: the working folder]",
}  # fmt: skip
PROVIDER: Option = {
    "name": "provider", "short": "", "long": "provider", "type": str, "default": "",
    "help": "where the units go [default: deploy.defaultProvider of the configuration]",
}  # fmt: skip
ENVIRONMENT: Option = {
    "name": "environment", "short": "", "long": "env", "type": str, "default": "",
    "help": "an environment of the configuration, such as staging",
}  # fmt: skip
RESULT_FILE: Option = {
    "name": "result_file", "short": "", "long": "result-file", "type": str, "default": "",
    "help": "write the outcome as JSON to this file too",
}  # fmt: skip
JSON: Option = {
    "name": "json", "short": "", "long": "json", "type": bool, "default": False,
    "help": "print one JSON document on standard output and nothing else there",
}  # fmt: skip
DETAILED: Option = {
    "name": "detailed_exitcode", "short": "", "long": "detailed-exitcode", "type": bool, "default": False,
    "help": "end with status 2 where there are changes",
}  # fmt: skip
REFRESH: Option = {
    "name": "refresh", "short": "", "long": "refresh", "type": str, "default": "units",
    "choices": (("units", "what is deployed of each unit"), ("full", "every resource"), ("none", "what was known")),
    "help": "how much of what is deployed is read again",
}  # fmt: skip
SOURCEMAP: Option = {
    "name": "sourcemap", "short": "", "long": "sourcemap", "type": bool, "default": False,
    "help": "write index.js.map beside each bundle",
}  # fmt: skip
AFFECTED: Option = {
    "name": "affected_by", "short": "", "long": "affected-by", "type": str, "default": "",
    "help": "show only the units that changed since HEAD left this git ref, such as origin/main",
}  # fmt: skip
JOBS: Option = {
    "name": "jobs", "short": "j", "long": "jobs", "type": int, "default": 0,
    "help": "how many actions run at once [default: one a processor]",
}  # fmt: skip
PROFILE: Option = {
    "name": "profile", "short": "", "long": "profile", "type": str, "default": "",
    "help": "write what the time went into to this file, for Perfetto",
}  # fmt: skip


class ProjectCommand(Command, ABC):
    """A command of a project. Subclasses implement ``perform`` and may raise any UnitgraphError."""

    def parse_execute(self, in_args: list[str]) -> int:
        """Runs the command; every way to end has its exit status."""
        gc.set_threshold(_ALLOCATIONS, *gc.get_threshold()[1:])
        try:
            if not _HELP.isdisjoint(in_args[: in_args.index("--")] if "--" in in_args else in_args):
                sys.stdout.write(f"{self.help()}\n")
                return 0
            options, names = self.cmdparser.parse(self._options_first(in_args))
            self.arguments = tuple(in_args)
            return self.perform({**options, **self.given_before()}, names)
        except CmdParseError as error:
            sys.stderr.write(f"unitgraph: {self._misread(error)}\n  See '{self.bin_name} help {self.get_name()}'.\n")
            return 1
        except UnitgraphError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        except KeyboardInterrupt:
            sys.stderr.write("interrupted: what had finished is kept\n")
            return 130
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except Exception as error:  # noqa: BLE001 - the last line of defence: a fault of ours is written down, and said so
            from unitgraph.rules import disk  # noqa: PLC0415 - most commands end well

            full = disk.told(error)
            sys.stderr.write(f"{full}\n" if full else _write_fault(self.get_name(), in_args))
            return 1 if full else 3

    def _options_first(self, words: list[str]) -> list[str]:
        """The same command line with what isn't an option last: doit's parser stops at the first such word."""
        takes_value = {
            mark for option in self.cmd_options if option["type"] is not bool
            for mark in (f"-{option['short']}", f"--{option['long']}")
        }  # fmt: skip
        options: list[str] = []
        names: list[str] = []
        rest = iter(words)
        for word in rest:
            if word == "--":
                names += rest
            elif word.startswith("-") and word != "-":
                options.append(word)
                options += [next(rest, "")] if word in takes_value else []
            else:
                names.append(word)
        return [*options, "--", *names] if names else options

    def _misread(self, error: CmdParseError) -> str:
        """What is wrong with the command line, without doit's list of all options."""
        cause = error.__context__
        if isinstance(cause, GetoptError):
            known = [f"--{option['long']}" for option in self.cmd_options]
            near = difflib.get_close_matches(f"--{cause.opt}", known, 1)
            return f"{cause.msg}; did you mean {near[0]}?" if near else cause.msg
        return f"{str(error).splitlines()[0].split(' <')[0]}: {cause}" if isinstance(cause, ValueError) else str(error)

    def given_before(self) -> dict[str, Any]:
        """Options that stood before the command's name, as in ``doit -d folder plan``."""
        folder = self.opt_vals.get("cwdPath")
        return {"directory": folder} if folder else {}

    @abstractmethod
    def perform(self, options: dict[str, Any], names: list[str]) -> int:
        """The command's work; returns the exit status."""


def _write_fault(command: str, args: list[str]) -> str:
    handle, name = tempfile.mkstemp(prefix="unitgraph-fault-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"unitgraph {command} {' '.join(args)}\n{sys.version}\n{traceback.format_exc()}")
    last = traceback.format_exc().strip().splitlines()[-1]
    return f"A fault of unitgraph's own: {last} [internal-fault]\n  Please report it with {Path(name)}.\n"
