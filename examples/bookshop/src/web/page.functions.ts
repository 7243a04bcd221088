import { NotFoundError, pikkuSessionlessFunc, wireHTTP } from '#pikku'
import { page } from './page.ts'

/** Nothing on the page comes from anywhere else, and nobody puts it into a frame. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** The page and what belongs to it: texts that `doit page` makes of `web/`. */
export const showPage = pikkuSessionlessFunc<void, Response>({
  title: 'The page of the shop',
  func: async (_services, _data, { http }) => {
    const file = page.find(({ route }) => route === http?.path)
    if (!file) throw new NotFoundError('The page has no such part.')
    const headers = {
      'content-type': file.type, 'content-security-policy': policy, 'cache-control': 'no-cache', 'etag': file.etag,
      'x-content-type-options': 'nosniff', 'referrer-policy': 'same-origin',
    }
    const known = http?.request.header('if-none-match') === file.etag
    return new Response(known ? null : file.text, { status: known ? 304 : 200, headers })
  },
})

for (const route of ['/', '/shop.css', '/shop.js'] as const) {
  wireHTTP({ method: 'get', route, func: showPage, auth: false })
}
