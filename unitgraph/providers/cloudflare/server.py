"""The merged server unit: what can't run in a Worker runs as a container with Bun. Pure."""

from typing import TYPE_CHECKING

from unitgraph.providers.base import Target
from unitgraph.providers.cloudflare.bindings import binding_name

if TYPE_CHECKING:
    from unitgraph.units.model import Unit

PORT = 8080
KEPT = frozenset(("ai-storage", "database", "kv", "object-storage", "workflow-state"))
"""What a server keeps in its data folder, where nothing else is said."""
DATA = """\
# Which times of its schedules were run, which ids of jobs are known, and what its services keep; containers that share
# it do each once.
# UNITGRAPH_STORE names a PostgreSQL or a Redis for containers on several machines.
ENV UNITGRAPH_DATA=/data
RUN mkdir /data && chown bun /data
VOLUME /data
"""
ACCOUNT = "# It reaches queues over HTTP, with CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_QUEUES_TOKEN.\n"


def files(unit: "Unit", target: Target) -> dict[str, str]:
    """The Dockerfile beside the unit's index.js. Its first lines say how to run it and how Workers find it."""
    bun = target.tools["bun"].version
    keeps = any(handler.type in ("scheduled", "queue") for handler in unit.handlers)
    keeps |= not KEPT.isdisjoint(service.capability for service in unit.services)
    takes = any(handler.type == "queue" for handler in unit.handlers) or bool(unit.queue_producers)
    account = ACCOUNT if takes else ""
    data = DATA if keeps else ""
    dockerfile = f"""\
# Written by unitgraph; the next build writes it again.
# docker build -t {unit.name} . && docker run -p {PORT}:{PORT} {unit.name}
# Workers call it at the URL in their variable {binding_name(unit.name)}.
# Its secrets and variables come from the environment; infra.json lists them.
{account}FROM oven/bun:{bun}-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT={PORT}
COPY . .
{data}USER bun
EXPOSE {PORT}
CMD ["bun", "index.js"]
"""
    return {"Dockerfile": dockerfile, ".dockerignore": "Dockerfile\n.dockerignore\n*.map\n"}
