/** `@pikku/core/http`. */
export * from '../pikku/http.ts'
