"""The graph of this repository's example: `doit list --all` and `doit bundle:bookshop-place-order` work here."""

from unitgraph.rules import DOIT_CONFIG, Graph

__all__ = ["DOIT_CONFIG"]

task_analyze, task_codegen, task_bundle, task_upload = Graph(project="examples/bookshop").tasks()
