/** Middleware around a call. */

type Layer = (services: never, wire: never, next: () => Promise<unknown>) => unknown

/** What a layer returns takes the place of what is inside it, unless it returns nothing. */
export const onion = (
  layers: readonly Layer[], services: unknown, wire: unknown, core: () => Promise<unknown>,
): Promise<unknown> => {
  const run = async (index: number): Promise<unknown> => {
    const layer = layers[index]
    if (!layer) return core()
    let inner: Promise<unknown> | undefined
    const next = (): Promise<unknown> => {
      if (inner) throw new Error('next() was called twice in one middleware')
      inner = run(index + 1)
      return inner
    }
    const returned = await layer(services as never, wire as never, next)
    return returned === undefined ? inner : returned
  }
  return run(0)
}
