import { expect, test } from 'bun:test'
import { createAnswered } from '../../unitgraph/runtime/server/answered.ts'

test('a call is answered once while it is valid, and forgotten when it is over', () => {
  const clock = { s: 1000 }
  const isFirst = createAnswered(() => clock.s)
  expect([isFirst('a', 1035), isFirst('a', 1035), isFirst('b', 1035)]).toEqual([true, false, true])
  clock.s = 1034
  expect(isFirst('a', 1035)).toBe(false)
  clock.s = 1041
  // too old to be let in by then: that it is new again shows that it takes no room
  expect([isFirst('a', 1076), isFirst('a', 1076)]).toEqual([true, false])
})
