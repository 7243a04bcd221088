/** Services. */
export * from '../compat/services.ts'
