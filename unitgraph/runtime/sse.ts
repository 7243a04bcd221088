export { sse } from './http/sse.ts'
