"""Whether something must be built: digests, action keys, the action cache and the content store. Knows bytes, not units."""
