"""Writes tiny whole projects for tests: ``write(tmp_path, {path: text})``, with the files that every project has."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

BASICS = {
    "pikku.config.json": '{ "srcDirectories": ["src"] }',
    "package.json": '{ "name": "my-app", "type": "module" }',
    "src/empty.ts": "export {}\n",
}


def write(root: Path, files: Mapping[str, str | None] | None = None) -> Path:
    """The project's root. A text of None leaves one of the basics out."""
    for path, text in {**BASICS, **(files or {})}.items():
        if text is not None:
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(dedent(text), "utf-8")
    return root
