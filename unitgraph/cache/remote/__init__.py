"""Places that machines share a cache in, one file each, chosen by URL. Bytes in, bytes out: nothing here trusts."""
