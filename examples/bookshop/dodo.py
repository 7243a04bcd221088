"""The shop's own tasks, before and after the graph that builds and ships it."""

from unitgraph.rules import tasks
