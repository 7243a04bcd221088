/** For units that others call. */
export { answerRemote as answers } from './core/remote.ts'
