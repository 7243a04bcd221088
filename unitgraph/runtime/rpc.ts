/** For units whose functions call others. */
export { createRpc as rpc } from './core/rpc.ts'
