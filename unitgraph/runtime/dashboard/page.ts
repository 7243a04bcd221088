/// <reference path="./modules.d.ts" />
/** The files of the page, and how each is answered: nothing of them is from elsewhere, and no text becomes markup. */

/** `type: 'text'` gives the text, whatever the file is. */
type File = Promise<{ readonly default: string }>
const text = (load: () => Promise<unknown>) => load as () => File

const SCRIPT = 'text/javascript; charset=utf-8'

const FILES: Readonly<Record<string, { readonly type: string; readonly load: () => File }>> = {
  '': { type: 'text/html; charset=utf-8', load: text(() => import('./page/index.html', { with: { type: 'text' } })) },
  'style.css': { type: 'text/css; charset=utf-8', load: text(() => import('./page/style.css', { with: { type: 'text' } })) },
  'app.js': { type: SCRIPT, load: text(() => import('./page/app.js', { with: { type: 'text' } })) },
  'asking.js': { type: SCRIPT, load: text(() => import('./page/asking.js', { with: { type: 'text' } })) },
  'dialogs.js': { type: SCRIPT, load: text(() => import('./page/dialogs.js', { with: { type: 'text' } })) },
  'dom.js': { type: SCRIPT, load: text(() => import('./page/dom.js', { with: { type: 'text' } })) },
  'layout.js': { type: SCRIPT, load: text(() => import('./page/layout.js', { with: { type: 'text' } })) },
  'list.js': { type: SCRIPT, load: text(() => import('./page/list.js', { with: { type: 'text' } })) },
  'picture.js': { type: SCRIPT, load: text(() => import('./page/picture.js', { with: { type: 'text' } })) },
  'run.js': { type: SCRIPT, load: text(() => import('./page/run.js', { with: { type: 'text' } })) },
  'timeline.js': { type: SCRIPT, load: text(() => import('./page/timeline.js', { with: { type: 'text' } })) },
  'words.js': { type: SCRIPT, load: text(() => import('./page/words.js', { with: { type: 'text' } })) },
}

export const PAGE_PATH = '/__unitgraph/dashboard'

const POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'",
  "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin', 'x-frame-options': 'DENY',
}

/** Undefined where the path is no file of the page's, or something else is asked of it than to be read. */
export const answerPage = async ({ method }: Request, path: string): Promise<Response | undefined> => {
  const name = path === PAGE_PATH ? '' : path.startsWith(`${PAGE_PATH}/`) ? path.slice(PAGE_PATH.length + 1) || undefined : undefined
  const file = name !== undefined && Object.hasOwn(FILES, name) ? FILES[name] : undefined
  if (!file || (method !== 'GET' && method !== 'HEAD')) return undefined
  const { default: body } = await file.load()
  return new Response(method === 'HEAD' ? null : body, { headers: { ...HEADERS, 'content-type': file.type } })
}
