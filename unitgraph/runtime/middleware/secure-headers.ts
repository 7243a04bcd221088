/** Headers with which a browser protects the answer of an API. */
import type * as api from '../types/middleware.ts'

const DEFAULTS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'strict-transport-security': 'max-age=15552000; includeSubDomains',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

/* @__NO_SIDE_EFFECTS__ */
export const secureHeaders: typeof api.secureHeaders = ({ headers = {} } = {}) =>
  (_services, { http }, next) => {
    for (const [name, value] of Object.entries({ ...DEFAULTS, ...headers })) {
      if (value !== null) http?.response.header(name, value)
    }
    return next()
  }
