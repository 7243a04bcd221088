/** Which times of a task were run, for all processes that share them, wherever that is kept. Runs nothing. */
export interface Ticks {
  /** The clock that all processes share. */
  now(): Promise<number>
  /** The task is known from now on: what lies before it was never missed. */
  know(task: string, atMs: number): Promise<void>
  /** The last time that was run. */
  last(task: string): Promise<number>
  /** True for one process a time; with `alone` for none while an earlier time still runs. */
  take(task: string, atMs: number, leaseMs: number, alone: boolean): Promise<boolean>
  renew(task: string, atMs: number, leaseMs: number): Promise<void>
  ended(task: string, atMs: number): Promise<void>
  /** The time of a run that whoever had it didn't end: true for one process. */
  takeOver(task: string, leaseMs: number): Promise<number | undefined>
}
