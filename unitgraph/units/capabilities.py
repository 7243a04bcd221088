"""What a service stands for: its name → the capability that a provider has to bring. A table, and nothing else."""

from typing import Final

from unitgraph.units.model import Capability

_NAMES: Final[dict[Capability, str]] = {
    "database": "db database kysely drizzle prisma sql sqlite postgres pg mysql d1 orm",
    "object-storage": "content contentService storage storageService objectStorage bucket blob blobs blobStorage "
    "fileStorage fileService r2 s3",
    "queue": "queueService queue queues",
    "kv": "kv kvService kvStore keyValue keyValueStore",
    "ai-model": "ai aiModel aiModels aiRunner aiAgentRunner aiService llm languageModel",
    "ai-storage": "aiStorage aiMemory agentStorage agentMemory vectorStore vectors embeddings",
    "scheduler": "scheduler schedulerService",
    "workflow-state": "workflowService workflowState workflowStateService workflowStore workflowRunService",
    "rate-limit": "rateLimits",
    "credential-store": "credentials credentialStore credentialService secretStore",
}
_BY_NAME: Final = {name: capability for capability, names in _NAMES.items() for name in names.split()}
_BY_ENDING: Final[tuple[tuple[str, Capability], ...]] = (
    ("Database", "database"),
    ("Db", "database"),
    ("DB", "database"),
    ("Kysely", "database"),
    ("Bucket", "object-storage"),
    ("Storage", "object-storage"),
    ("Kv", "kv"),
    ("KV", "kv"),
)


def capability(service: str) -> Capability | None:
    """What a service of this name needs from the provider; None where that is nothing."""
    known = _BY_NAME.get(service)
    if known is not None:
        return known
    return next((found for ending, found in _BY_ENDING if service.endswith(ending)), None)
