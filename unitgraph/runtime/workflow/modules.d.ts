/** As much of the platform as is used here, and no more. */
declare module 'node:async_hooks' {
  export class AsyncLocalStorage<T> {
    getStore(): T | undefined
    run<R>(value: T, call: () => R): R
  }
}
