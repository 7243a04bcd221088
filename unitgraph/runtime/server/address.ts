/** Who sent a request: who is at the other end, or whom the proxies before the process say that they asked for. */

/** Anybody can send the header, so only as much of it counts as proxies of ours have written, at its end. */
export const clientAddress = (peer: string | undefined, forwardedFor: string | null, proxies: number): string | undefined => {
  if (proxies === 0) return peer
  const hops = (forwardedFor ?? '').split(',').map((hop) => hop.trim()).filter(Boolean)
  return hops.at(-Math.min(proxies, hops.length)) ?? peer
}
