/** What a function failed of, for a browser: the log's own line of the request, and the source around its first place. */
import { readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'

interface Line {
  readonly requestId?: string
  readonly error?: { readonly name?: string; readonly message?: string; readonly stack?: string }
}

export interface Crashes {
  /** Hears what the units print, places led back to the sources. */
  hear(line: string): void
  /** The page of a request that was answered with 500; undefined where nothing was said of it in time. */
  page(requestId: string): Promise<string | undefined>
}

/** The log comes another way than the answer, and may be later. */
const WAIT_MS = 1000
const KEPT = 50
const AROUND = 3

const escape = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)

/** The first place of a stack that is in the project. */
const placeOf = (stack: string): { path: string; line: number } | undefined => {
  for (const [, path = '', line] of stack.matchAll(/([^\s()]+):(\d+):\d+/g)) {
    if (!path.includes('://') && !path.startsWith('/') && !path.includes('node_modules/')) return { path, line: Number(line) }
  }
  return undefined
}

const excerpt = (root: string, { path, line }: { path: string; line: number }): string => {
  const full = normalize(join(root, path))
  if (!full.startsWith(`${normalize(root)}/`)) return ''
  try {
    const lines = readFileSync(full, 'utf8').split('\n')
    const first = Math.max(1, line - AROUND)
    return lines.slice(first - 1, line + AROUND).map((text, index) => {
      const shown = escape(`${first + index === line ? '>' : ' '} ${String(first + index).padStart(5)} | ${text}`)
      return first + index === line ? `<mark>${shown}</mark>` : shown
    }).join('\n')
  } catch {
    return ''
  }
}

const render = (root: string, error: NonNullable<Line['error']>): string => {
  const stack = error.stack ?? `${error.name ?? 'Error'}: ${error.message ?? ''}`
  const place = placeOf(stack)
  const source = place ? excerpt(root, place) : ''
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escape(error.message ?? 'It failed')}</title>
<style>:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem}
pre{padding:.8rem 1rem;overflow:auto;border:1px solid #8886;border-radius:.4rem}mark{background:#f5533d40;color:inherit}</style></head>
<body><h1>${escape(error.name ?? 'Error')}</h1><p>${escape(error.message ?? '')}</p>
${place ? `<p><code>${escape(place.path)}:${place.line}</code></p>` : ''}${source && `<pre>${source}</pre>`}<pre>${escape(stack)}</pre>
<p><small>Everybody but a browser is answered as in production.</small></p></body></html>\n`
}

export const createCrashes = (root: string): Crashes => {
  const errors = new Map<string, NonNullable<Line['error']>>()
  const waiting = new Map<string, () => void>()
  return {
    hear: (text) => {
      if (!text.includes('"error"')) return
      try {
        const { requestId, error } = JSON.parse(text) as Line
        if (requestId === undefined || typeof error !== 'object') return
        errors.set(requestId, error)
        for (const old of [...errors.keys()].slice(0, -KEPT)) errors.delete(old)
        waiting.get(requestId)?.()
      } catch {
        // a line of somebody else's
      }
    },
    page: async (requestId) => {
      if (!errors.has(requestId)) {
        await new Promise<void>((resolve) => {
          waiting.set(requestId, resolve)
          setTimeout(resolve, WAIT_MS)
        })
        waiting.delete(requestId)
      }
      const error = errors.get(requestId)
      return error && render(root, error)
    },
  }
}
