"""Whether something must be built: digests, action keys, the action cache, the store. Knows bytes, not units."""
