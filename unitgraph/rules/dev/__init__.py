"""A project that runs on this machine while it is edited: watched, built, swapped in. Its front is TypeScript."""
