/** The conformance of services in this process: in memory and in files. Workers and the executable: tests/services. */
import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalKeyValueStore } from '../../../unitgraph/runtime/compat/services.ts'
import { createKeyValueStore } from '../../../unitgraph/runtime/services/kv/index.ts'
import { keptInFile } from '../../../unitgraph/runtime/services/kv/process.ts'
import { objectsInFolder } from '../../../unitgraph/runtime/services/storage/folder.ts'
import { createObjectStorage } from '../../../unitgraph/runtime/services/storage/index.ts'
import type { Cases } from './check.ts'
import { kvCases } from './kv.cases.ts'
import { storageCases, unsignedCases } from './storage.cases.ts'

const conform = <Service extends object>(name: string, cases: Cases<Service>, open: (folder: string) => Service): void =>
  describe(name, () => {
    const folder = mkdtempSync(join(tmpdir(), 'unitgraph-'))
    const service = open(folder)
    for (const [title, work] of Object.entries(cases)) test(title, () => work(service))
    test('closes', () => {
      ;(service as { close?(): void }).close?.()
      rmSync(folder, { recursive: true })
    })
  })

conform('kv in memory', kvCases, () => new LocalKeyValueStore())
conform('kv in a file', kvCases, (folder) => createKeyValueStore(keptInFile(folder)))
conform('storage in a folder', { ...storageCases, ...unsignedCases }, (folder) => createObjectStorage(objectsInFolder(folder)))

test('no key is a path: every file of a folder of objects has a name of ours', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'unitgraph-'))
  const storage = createObjectStorage(objectsInFolder(join(folder, 'data')))
  for (const key of ['../outside', '../../tmp/unitgraph-outside', 'a/b/c', 'a/../../outside']) await storage.put(key, 'x')
  const files = new TextDecoder().decode(Bun.spawnSync(['find', folder, '-type', 'f']).stdout).trim().split('\n')
  const ours = /^\/data\/(?:objects\.sqlite(?:-wal|-shm)?|objects\/[0-9a-f-]{36})$/
  expect(files.filter((path) => !ours.test(path.slice(folder.length)))).toEqual([])
  storage.close()
  rmSync(folder, { recursive: true })
})

test('what is replaced or deleted leaves no file, and a second process sees what the first has put', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'unitgraph-'))
  const [one, two] = [createObjectStorage(objectsInFolder(folder)), createObjectStorage(objectsInFolder(folder))]
  for (const text of ['a', 'b', 'c']) await one.put('key', text)
  await two.put('other', 'x')
  expect(await (await two.get('key'))?.text()).toBe('c')
  await two.delete('key')
  expect(await one.get('key')).toBe(undefined)
  const files = new TextDecoder().decode(Bun.spawnSync(['ls', join(folder, 'objects')]).stdout).trim().split('\n')
  expect(files.length).toBe(1)
  one.close()
  two.close()
  rmSync(folder, { recursive: true })
})
