"""unitgraph: a TypeScript backend, one deployment unit a function, on one content-hashed task graph."""

__version__ = "0.1.0"
