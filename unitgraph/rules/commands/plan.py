"""``doit plan``: builds what changed, compares with what is deployed, prints the changes; writes to .deploy only."""

import os
import sys
from typing import Any

from unitgraph.rules import quick
from unitgraph.rules.commands import base


class Plan(base.ProjectCommand):
    doc_purpose = "show what would be created, updated or deleted, and why"
    doc_usage = ""
    doc_description = "Builds what changed and compares it with what is deployed. Nothing outside .deploy is touched."
    cmd_options = (
        base.DIRECTORY, base.PROVIDER, base.ENVIRONMENT, base.RESULT_FILE, base.JSON, base.DETAILED, base.REFRESH,
        base.SOURCEMAP, base.AFFECTED, base.JOBS, base.PROFILE,
    )  # fmt: skip

    def parse_execute(self, in_args: list[str]) -> int:
        """Answers from the snapshot where nothing has changed."""
        saved = None if self.given_before() else quick.answer(in_args, os.environ)
        return quick.give(saved) if saved is not None else super().parse_execute(in_args)

    def perform(self, options: dict[str, Any], names: list[str]) -> int:  # noqa: ARG002 - plan takes no names
        from unitgraph.rules import answers  # noqa: PLC0415 - heavy, and an unchanged project needs none of it

        answer = answers.plan(options, self.arguments, os.environ)
        sys.stderr.write(answer["err"])
        sys.stdout.write(answer["out"])
        return int(answer["status"])

