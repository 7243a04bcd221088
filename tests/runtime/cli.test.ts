/** What arguments come to: the parser's table, and results as text. */
import { describe, expect, test } from 'bun:test'
import { parse } from '../../unitgraph/runtime/cli/parse.ts'
import { text } from '../../unitgraph/runtime/cli/print.ts'
import { parametersOf, programOf } from '../../unitgraph/runtime/cli/program.ts'
import { addressOf } from '../../unitgraph/runtime/cli/remote.ts'

const program = programOf({
  program: 'shop',
  said: { options: { store: { short: 's', default: 'main' }, verbose: { short: 'v', default: false } } },
  commands: [
    {
      path: ['add'], function: 'add', flags: ['gift'],
      said: {
        parameters: '<isbn> [copies] [notes...]',
        options: {
          gift: { short: 'g' }, dryRun: { default: false }, price: { short: 'p' }, kind: { choices: ['paper', 2] },
          tag: { short: 't', array: true }, shelf: { required: true },
        },
      },
    },
    { path: ['box'], said: { options: { size: {} } } },
    { path: ['box', 'open'], function: 'open', said: { isDefault: true, parameters: '[name]', options: { wide: { default: false } } } },
    { path: ['box', 'close'], function: 'close' },
    { path: ['own'], function: 'own', said: { options: { json: {}, hour: { short: 'h' } } } },
    { path: ['both'], function: 'both', said: { parameters: '[what]' } },
    { path: ['both', 'inner'], function: 'inner' },
  ],
})
const SHELF = { store: 'main', verbose: false, dryRun: false, shelf: 'A' }

describe('arguments', () => {
  const runs: Record<string, [string, string, object, object?]> = {
    'a parameter': ['add 1 --shelf A', 'add', { ...SHELF, isbn: '1' }],
    'all parameters': ['add 1 2 a b --shelf A', 'add', { ...SHELF, isbn: '1', copies: '2', notes: ['a', 'b'] }],
    'a value by =': ['add 1 --shelf=A=B', 'add', { ...SHELF, isbn: '1', shelf: 'A=B' }],
    'an empty value': ['add 1 --shelf=', 'add', { ...SHELF, isbn: '1', shelf: '' }],
    'a flag of the function has no value': ['add --gift 1 --shelf A', 'add', { ...SHELF, isbn: '1', gift: true }],
    'camelCase as it is typed': ['add 1 --shelf A --dry-run', 'add', { ...SHELF, isbn: '1', dryRun: true }],
    'camelCase as it is written': ['add 1 --shelf A --dryRun', 'add', { ...SHELF, isbn: '1', dryRun: true }],
    'a flag undone': ['add 1 --shelf A --no-gift', 'add', { ...SHELF, isbn: '1', gift: false }],
    'shorts together, a value behind': ['add 1 --shelf A -vgp9', 'add', { ...SHELF, isbn: '1', verbose: true, gift: true, price: '9' }],
    'a short with =': ['add 1 --shelf A -p=9', 'add', { ...SHELF, isbn: '1', price: '9' }],
    'negative numbers': ['add -1 --shelf A -p -9.5', 'add', { ...SHELF, isbn: '-1', price: '-9.5' }],
    'a choice that is no text': ['add 1 --shelf A --kind 2', 'add', { ...SHELF, isbn: '1', kind: 2 }],
    'an array': ['add 1 --shelf A -t a --tag=b', 'add', { ...SHELF, isbn: '1', tag: ['a', 'b'] }],
    'nothing is an option after --': ['add --shelf A -- -v --x', 'add', { ...SHELF, isbn: '-v', copies: '--x' }],
    'a lone dash is a word': ['add - --shelf A', 'add', { ...SHELF, isbn: '-' }],
    'the program\'s options before': ['-v --store x add 1 --shelf A', 'add', { ...SHELF, isbn: '1', verbose: true, store: 'x' }],
    'a subcommand': ['box close', 'close', { store: 'main', verbose: false }],
    'the default one': ['box', 'open', { store: 'main', verbose: false, wide: false }],
    'the default one by its option': ['box --wide', 'open', { store: 'main', verbose: false, wide: true }],
    'the default one by a word': ['box red', 'open', { store: 'main', verbose: false, wide: false, name: 'red' }],
    'an option of what it lies in': ['box --size 3 open', 'open', { store: 'main', verbose: false, wide: false, size: '3' }],
    'a command with commands': ['both that', 'both', { store: 'main', verbose: false, what: 'that' }],
    'a command in a command': ['both inner', 'inner', { store: 'main', verbose: false }],
    'a project\'s own json and h': ['own --json yes -h 5', 'own', { store: 'main', verbose: false, json: 'yes', hour: '5' }],
    'json': ['box close --json', 'close', { store: 'main', verbose: false }, { isJson: true }],
  }
  test.each(Object.entries(runs))('%s', (_name, [line, called, data, more = { isJson: false }]) => {
    const found = parse(program, line.split(' '))
    expect(found).toMatchObject({ kind: 'run', command: { function: called }, ...more })
    expect((found as { data: object }).data).toEqual(data)
  })

  const wrongs: Record<string, [string, string]> = {
    'no command': ['', 'A command is missing'],
    'no such command': ['ad 1', 'There is no command ad: did you mean add?'],
    'no such command, nothing near': ['wholesale', 'There is no command wholesale'],
    'no such option': ['add 1 --shef A', 'There is no option --shef: did you mean --shelf?'],
    'no such short': ['add 1 -x', 'There is no option -x'],
    'a prototype\'s name': ['add 1 --constructor x', 'There is no option --constructor'],
    'a required option': ['add 1', '--shelf is missing'],
    'a required parameter': ['add --shelf A', '<isbn> is missing'],
    'no value at the end': ['add 1 --shelf', '--shelf needs a value'],
    'an option for a value': ['add 1 --shelf --gift', '--shelf needs a value'],
    'a flag with a value': ['add 1 --gift=maybe', '--gift is either given or not: it has no value maybe'],
    'no- of what has a value': ['add 1 --no-shelf', 'There is no option --no-shelf'],
    'no- with a value': ['add 1 --no-gift=x', '--no-gift has no value'],
    'twice': ['add 1 --shelf A --shelf B', '--shelf is given more than once'],
    'not a choice': ['add 1 --shelf A --kind cloth', '--kind is one of paper, 2, not cloth'],
    'too much': ['box close a b', 'There is too much: a b'],
    'an option of a command before it': ['--gift add 1', 'There is no option --gift'],
  }
  test.each(Object.entries(wrongs))('%s', (_name, [line, message]) => {
    expect(parse(program, line.split(' ').filter(Boolean))).toMatchObject({ kind: 'wrong', message })
  })

  test('help is asked for anywhere but after --', () => {
    expect(parse(program, ['add', '--help'])).toMatchObject({ kind: 'help', command: { function: 'add' } })
    expect(parse(program, ['-h'])).toMatchObject({ kind: 'help', command: { path: ['shop'] } })
    expect(parse(program, ['add', '--nonsense', '--help'])).toMatchObject({ kind: 'help' })
    expect(parse(program, ['add', '--shelf', 'A', '--', '--help'])).toMatchObject({ kind: 'run', data: { isbn: '--help' } })
  })

  test('texts are what the function\'s schema may turn into something else', () => {
    expect(parse(program, ['add', '1', '--shelf=A', '--kind=2', '-g'])).toMatchObject({ texts: ['shelf', 'isbn'] })
  })

  test.each(['file', '<file', '<file]', '[file...', '<a b>'])('%s is no parameter', (written) => {
    expect(() => parametersOf(written)).toThrow('is no parameter')
  })
})

test.each([
  [undefined, undefined], [null, undefined], ['as it is\n', 'as it is\n'], [7, '7'], [[], undefined], [['a', 1], 'a\n1'],
  [{ a: 1, long: { b: 2n } }, 'a     1\nlong  {"b":"2"}'], [[{ a: 1 }, { a: 'x', b: null, c: true }], 'a  b  c\n1\nx     true'],
  [{ when: new Date(0) }, 'when  1970-01-01T00:00:00.000Z'], [{ 'a\n': '\u001b[2J' }, 'a\\n  \\u001b[2J'],
])('%p is printed', (value, printed) => {
  expect(text(value)).toBe(printed as string)
})

describe('addresses', () => {
  test.each([
    ['wss://shop.example', 'wss://shop.example/cli'], ['https://shop.example/', 'wss://shop.example/cli'],
    ['http://[::1]:3000/tools?x=1#y', 'ws://[::1]:3000/tools?x=1'],
  ])('%s', (given, wanted) => expect(addressOf(given, '/cli').href).toBe(wanted))
  test.each(['shop.example', 'ftp://shop.example', ''])('%s is none', (given) => expect(() => addressOf(given, '/cli')).toThrow('is no address'))
})

test('only who is offered elsewhere can be asked there', () => {
  const offered = programOf({ program: 'far', route: '/cli', said: {}, commands: [{ path: ['go'], function: 'go' }] })
  expect(parse(offered, ['go', '--remote', 'wss://x'])).toMatchObject({ kind: 'run', remote: 'wss://x', data: {} })
  expect(parse(program, ['own', '--remote', 'wss://x'])).toMatchObject({ kind: 'wrong' })
})
