/** Which calls from elsewhere this process has answered, for as long as each could come again. */

const SWEEP_S = 5

export const createAnswered = (now: () => number = () => Date.now() / 1000): ((callId: string, until: number) => boolean) => {
  const answered = new Map<string, number>()
  let swept = now()
  return (callId, until) => {
    if (now() - swept > SWEEP_S) {
      swept = now()
      for (const [id, end] of answered) if (end < swept) answered.delete(id)
    }
    if (answered.has(callId)) return false
    answered.set(callId, until)
    return true
  }
}
