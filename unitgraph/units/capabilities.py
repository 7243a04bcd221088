"""What a service stands for: its name → the capability that a provider has to bring. A table, and nothing else."""

from typing import Final

from unitgraph.units.model import Capability

_BY_NAME: Final[dict[str, Capability]] = {
    **dict.fromkeys(
        ("db", "database", "kysely", "drizzle", "prisma", "sql", "sqlite", "postgres", "pg", "mysql", "d1", "orm"), "database"
    ),
    **dict.fromkeys(
        ("content", "contentService", "storage", "storageService", "objectStorage", "bucket", "blob", "blobs", "blobStorage",
         "fileStorage", "fileService", "r2", "s3"), "object-storage",
    ),
    **dict.fromkeys(("queueService", "queue", "queues"), "queue"),
    **dict.fromkeys(("kv", "kvService", "kvStore", "keyValue", "keyValueStore"), "kv"),
    **dict.fromkeys(
        ("ai", "aiModel", "aiModels", "aiRunner", "aiAgentRunner", "aiService", "llm", "languageModel"), "ai-model"
    ),
    **dict.fromkeys(
        ("aiStorage", "aiMemory", "agentStorage", "agentMemory", "vectorStore", "vectors", "embeddings"), "ai-storage"
    ),
    **dict.fromkeys(("scheduler", "schedulerService"), "scheduler"),
    **dict.fromkeys(
        ("workflowService", "workflowState", "workflowStateService", "workflowStore", "workflowRunService"), "workflow-state"
    ),
    **dict.fromkeys(
        ("credentials", "credentialStore", "credentialService", "secretStore"), "credential-store"
    ),
}  # fmt: skip
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
