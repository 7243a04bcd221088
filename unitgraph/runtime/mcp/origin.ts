/**
 * Who may speak to the server from a browser: a page of another site must not, were it given this machine's address
 * under its own name (DNS rebinding). Clients that are no browsers send no origin.
 */
import { readText, type Environment } from '../core/environment.ts'

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** A page's own server is trusted where nobody else can pose as it: over TLS, or by a name that means this machine. */
export const mayCome = (request: Request, env: Environment): boolean => {
  const origin = request.headers.get('origin')
  if (origin === null) return true
  const allowed = (readText(env, 'MCP_ALLOWED_ORIGINS') ?? '').split(',').map((one) => one.trim())
  if (allowed.includes(origin) || allowed.includes('*')) return true
  try {
    const { protocol, host, hostname } = new URL(origin)
    const isOwn = host === (request.headers.get('host') ?? new URL(request.url).host)
    return isOwn && (protocol === 'https:' || LOOPBACK.has(hostname))
  } catch {
    return false
  }
}
