/** Which nodes of a graph run, after which, with what. */
import { describe, expect, test } from 'bun:test'
import { runGraph, type Ended, type NodeConfig } from '../../../unitgraph/runtime/workflow/graph.ts'

type Does = Readonly<Record<string, (data: any) => unknown | Promise<unknown>>>

/** Nodes answer their own name, unless they do something else. */
const play = async (nodes: string, config: Record<string, NodeConfig>, does: Does = {}, trigger: unknown = 'trigger') => {
  const begun: [string, unknown][] = []
  const run = async (node: string, data: unknown): Promise<Ended> => {
    begun.push([node, data])
    const output = does[node] ? await does[node](data) : node
    return output instanceof Object && 'branch' in output ? (output as Ended) : { output }
  }
  const output = await runGraph(nodes.split(' '), config, trigger, run)
  return { output, order: begun.map(([node]) => node).join(' '), data: Object.fromEntries(begun) }
}

describe('the order', () => {
  test.each<[string, string, Record<string, NodeConfig>, Does, string, unknown]>([
    ['one after the other', 'a b c', { a: { next: 'b' }, b: { next: 'c' } }, {}, 'a b c', 'c'],
    ['what nobody leads to begins', 'a b', {}, {}, 'a b', { a: 'a', b: 'b' }],
    ['one that waits for both', 'a b c', { a: { next: 'c' }, b: { next: 'c' } }, { a: () => new Promise((done) => setTimeout(done, 5)) }, 'a b c', 'c'],
    ['a diamond', 'a b c d', { a: { next: ['b', 'c'] }, b: { next: 'd' }, c: { next: 'd' } }, {}, 'a b c d', 'd'],
    ['the branch that is picked', 'a b c', { a: { next: { yes: 'b', no: 'c' } } }, { a: () => ({ output: 1, branch: 'no' }) }, 'a c', 'c'],
    ['no branch', 'a b', { a: { next: { yes: 'b' } } }, {}, 'a', 'a'],
    ['what a branch that is not taken leads to', 'a b c d', { a: { next: { yes: 'b', no: 'c' } }, b: { next: 'd' }, c: { next: 'd' } }, { a: () => ({ output: 1, branch: 'yes' }) }, 'a b d', 'd'],
    ['what is behind two that are not taken', 'a b c d e', { a: { next: { yes: 'b', no: ['c'] } }, c: { next: 'd' }, d: { next: 'e' } }, { a: () => ({ output: 1, branch: 'yes' }) }, 'a b', 'b'],
    ['what fails goes its own way', 'a b c', { a: { next: 'b', onError: 'c' } }, { a: () => { throw new Error('x') } }, 'a c', 'c'],
  ])('%s', async (_name, nodes, config, does, order, output) => {
    const played = await play(nodes, config, does)
    expect([played.order, played.output]).toEqual([order, output])
  })
})

test('a node gets what its input says of those before it, else what set the run off', async () => {
  const { data } = await play('a b', {
    a: { next: 'b' },
    b: { input: (ref) => [ref('trigger', 'x.y'), ref('a', 'list.1.z'), ref('a'), ref('b'), ref('a', 'constructor.name')] },
  }, { a: () => ({ list: [0, { z: 7 }] }) }, { x: { y: 3 } })
  expect(data).toEqual({ a: { x: { y: 3 } }, b: [3, 7, { list: [0, { z: 7 }] }, undefined, undefined] })
})
test('what fails and leads nowhere ends the run', async () => {
  await expect(play('a b', { a: { next: 'b' } }, { a: () => { throw new RangeError('no') } })).rejects.toThrow('no')
})
test('a circle is refused before anything runs', async () => {
  const begun: string[] = []
  const config = { a: { next: 'b' }, b: { next: 'c' }, c: { onError: 'b' } }
  await expect(play('a b c', config, { a: () => { begun.push('a') } })).rejects.toThrow('b → c → b')
  expect(begun).toEqual([])
})
