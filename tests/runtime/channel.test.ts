/** Channels by themselves: who is subscribed to what, the hub that a project makes itself, and wires that are lent. */
import { describe, expect, test } from 'bun:test'
import { LocalEventHubService } from '@pikku/core/channel/local'
import { answerOf, encode, readMessage } from '../../unitgraph/runtime/channel/message.ts'
import { channelWire } from '../../unitgraph/runtime/channel/wire.ts'

describe('a hub of one process', () => {
  const hub = new LocalEventHubService()
  const heard: unknown[] = []
  const channel = (channelId: string) => ({ channelId, send: (data: unknown) => void heard.push([channelId, data]) })
  test('tells those who are subscribed, but for who says it', () => {
    for (const id of ['a', 'b', 'c']) hub.onChannelOpened(channel(id))
    for (const id of ['a', 'b', 'nobody']) hub.subscribe('t', id)
    hub.publish('t', 'a', 1)
    hub.publish('other', null, 2)
    hub.publish('t', null, 3)
    expect(heard.splice(0)).toEqual([['b', 1], ['a', 3], ['b', 3]])
  })
  test('forgets who left a topic, and who has gone', () => {
    hub.unsubscribe('t', 'a')
    hub.onChannelClosed('b')
    hub.subscribe('t', 'b')
    hub.publish('t', null, 4)
    expect(heard).toEqual([])
  })
})

test('a wire says at the gateway what a function does with it', () => {
  const used: unknown[] = []
  const wire = channelWire({ channelId: 'c', openingData: { a: 1 } }, (method, args) => void used.push([method, ...args]))
  wire.send({ n: 1 })
  wire.send('text', true)
  wire.close(4000, 'bye')
  wire.close()
  expect([wire.channelId, wire.openingData, used]).toEqual(['c', { a: 1 }, [['send', { n: 1 }], ['send', 'text', true], ['close', 4000, 'bye'], ['close']]])
})

describe('messages', () => {
  const calls = { message: 'rest', messages: { action: { say: 'say' }, type: { say: 'typed' } } }
  test.each<[string, object]>([
    ['{"action":"say","a":1}', { function: 'say', wiring: 'action=say', routed: ['action', 'say'], data: { a: 1 } }],
    ['{"type":"say","action":"x"}', { function: 'typed', wiring: 'type=say', data: { action: 'x' } }],
    ['{"$id":0,"x":1}', { function: 'rest', wiring: 'message', id: 0, data: { x: 1 } }],
    ['[1]', { function: 'rest', data: [1] }],
  ])('%s', (text, wanted) => {
    expect(readMessage(calls, text)).toMatchObject(wanted)
  })
  test('commands say what of their data was typed', () => {
    const commands = { messages: { $command: { 'user add': 'add' } } }
    const text = '{"$id":1,"$command":"user add","$texts":["age"],"age":"7"}'
    expect(readMessage(commands, text, true)).toMatchObject({ function: 'add', wiring: '$command=user add', data: { age: '7' }, texts: ['age'] })
    expect(readMessage(commands, text)).toMatchObject({ data: { $texts: ['age'], age: '7' } })
    for (const texts of ['"age"', '[1]', '{}']) {
      expect(readMessage(commands, `{"$id":1,"$command":"user add","$texts":${texts}}`, true)).toMatchObject({ asked: { id: 1 }, error: { message: '$texts are names' } })
    }
  })
  test('an answer to one with an id is told from everything else that is sent', () => {
    expect([answerOf({ id: 1 }, undefined), answerOf({ id: 'a' }, { $id: 2 })]).toEqual(['{"$id":1}', '{"$id":"a","data":{"$id":2}}'])
    expect([answerOf({}, undefined), answerOf({ routed: ['action', 'say'] }, { a: 1 }), encode(1n)]).toEqual([undefined, '{"action":"say","a":1}', '"1"'])
  })
})
