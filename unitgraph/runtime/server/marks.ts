/** Small texts under keys that all processes know until a time is over. Which of several was first is decided once. */
export interface Marks {
  /** Sets what isn't known yet, and says what is known then. */
  first(key: string, text: string, forMs: number): Promise<string>
  set(key: string, text: string, forMs: number): Promise<void>
}
