import { afterEach, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EngramError } from '../memory/errors.ts'
import {
  BY,
  countRows,
  embedAll,
  exchange,
  MODEL,
  query,
  unitOf,
  vectorOf,
} from './contract/fixture.ts'
import { type OpenStore, openSqliteStore, type SqliteOptions } from './open.ts'
import { sql } from './sql.ts'
import { openSqlite } from './sqlite/database.ts'
import { ADDON_PATH, makeTempFolder, type TempFolder, WORKERS } from './sqlite/temp-store.ts'

const folders: TempFolder[] = []
const stores: OpenStore[] = []
const children: Bun.Subprocess[] = []

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  await Promise.all(children.splice(0).map((child) => child.exited))
  for (const store of stores.splice(0)) await store.close()
  for (const { remove } of folders.splice(0)) remove()
})

function newFolder(): TempFolder {
  const folder = makeTempFolder()
  folders.push(folder)
  return folder
}

async function open(path: string, more: Partial<SqliteOptions> = {}): Promise<OpenStore> {
  const store = await openSqliteStore({
    path,
    addonPath: ADDON_PATH,
    workers: WORKERS,
    onCrash: (error) => {
      throw error
    },
    ...more,
  })
  stores.push(store)
  return store
}

/** A worker module with this after its opening. */
function workerModule(folder: string, name: string, afterOpening: string): string {
  const path = join(folder, name)
  writeFileSync(
    path,
    `self.onmessage = () => { self.postMessage({ opened: true }); self.onmessage = () => { ${afterOpening} } }`,
  )
  return path
}

/** What the promise is rejected with; null when it is not. `expect().rejects` keeps messages from coming in. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error) => error,
  )
}

const closedError = { code: 'unavailable', message: 'storage is closed' }

describe('a store in threads of its own', () => {
  test('keeps, embeds and finds', async () => {
    const { store, recall } = await open(newFolder().path)
    const { user } = await store.users.create('ann', null)
    const scope = { userId: user.id, namespace: 'default' }
    const { memory } = await store.memories.add(
      scope,
      { content: 'Likes tea', metadata: { ä: [null, 1.5] } },
      BY,
    )
    await store.conversations.record(exchange(scope, ['Which tea?', 'Green.']))
    const id = await store.vectors.ensureModel(MODEL)
    expect(await embedAll({ store }, id)).toBe(3)
    const asked = query('tea', { vector: unitOf(vectorOf('Likes tea')) })
    const found = await recall.search(scope, asked, { id, dimensions: MODEL.dimensions })
    expect(found.memories).toMatchObject([{ memory }])
    expect(found.memories[0]!.cosine).toBeCloseTo(1, 2)
    expect(found.turns).toHaveLength(2)
  })

  test('finds what was acknowledged, at once and every time', async () => {
    const { store, recall } = await open(newFolder().path)
    const { user } = await store.users.create('ann', null)
    const scope = { userId: user.id, namespace: 'default' }
    for (let i = 0; i < 100; i++) {
      await store.memories.add(scope, { content: `Likes tea${i}` }, BY)
      const { memories } = await recall.search(scope, query(`tea${i}`), null)
      expect(memories).toHaveLength(1)
    }
  })

  test('passes errors on with their code, message and fix', async () => {
    const folder = newFolder()
    const { store } = await open(folder.path)
    await store.users.create('ann', null)
    const taken = await failureOf(store.users.create('ann', null))
    expect(taken).toBeInstanceOf(EngramError)
    expect(taken).toMatchObject({
      code: 'conflict',
      message: 'external_id "ann" is taken',
      fix: undefined,
    })
    const second = await failureOf(open(folder.path))
    expect(second).toBeInstanceOf(EngramError)
    expect(second).toMatchObject({
      code: 'conflict',
      message: `another Engram (process ${process.pid}) uses ${folder.folder}`,
      fix: expect.stringContaining('engram stop'),
    })
    expect((await store.users.list(9, 0)).total).toBe(1)
  })

  test('an error that is none of ours keeps its message and stack, and nothing else breaks', async () => {
    const { store } = await open(newFolder().path)
    const nobody = { userId: 'usr_nobody', namespace: 'default' }
    const error = (await failureOf(store.memories.add(nobody, { content: 'x' }, BY))) as Error
    expect(error).toBeInstanceOf(Error)
    expect(error).not.toBeInstanceOf(EngramError)
    expect(error.message).toContain('FOREIGN KEY')
    expect(error.stack).toContain('memories.ts')
    const unknown = (store as never as Record<string, Record<string, () => Promise<void>>>).no!
    expect(await failureOf(unknown.such!())).toBeInstanceOf(Error)
    const uncloneable = { f: (() => {}) as never }
    expect(await failureOf(store.users.changeSettings('usr_x', uncloneable))).toMatchObject({
      name: 'DataCloneError',
    })
    expect((await store.users.list(9, 0)).total).toBe(0)
  })

  test('a file that is not ours is refused, and the folder is free afterwards', async () => {
    const { path, folder } = newFolder()
    writeFileSync(path, 'these are my notes '.repeat(20))
    expect(await failureOf(open(path))).toMatchObject({
      code: 'unavailable',
      fix: expect.stringContaining('ENGRAM_HOME'),
    })
    expect(existsSync(join(folder, 'engram.pid'))).toBe(false)
    writeFileSync(path, '')
    await open(path)
  })
})

describe('closing', () => {
  test('lets go of the folder, leaves no log, and may be done twice', async () => {
    const { path, folder } = newFolder()
    const first = await open(path)
    await first.store.users.create('ann', null)
    await Promise.all([first.close(), first.close()])
    await first.close()
    expect(readdirSync(folder).sort()).toEqual(['engram.db', 'engram.lock'])
    const second = await open(path)
    expect((await second.store.users.list(9, 0)).total).toBe(1)
  })

  test('does what was asked before, and refuses what is asked later', async () => {
    const { path } = newFolder()
    const { store, recall, close } = await open(path)
    const names = Array.from({ length: 200 }, (_, i) => `user ${i}`)
    const writes = names.map((name) => store.users.create(name, null))
    const searches = names.map(() =>
      recall.search({ userId: 'usr_x', namespace: 'x' }, query('tea'), null),
    )
    await close()
    await Promise.all([...writes, ...searches])
    expect(await failureOf(store.users.list(9, 0))).toMatchObject(closedError)
    expect(await failureOf(recall.warm({ userId: 'usr_x', namespace: 'x' }, null))).toMatchObject(
      closedError,
    )
    const database = await openSqlite({ path, addonPath: ADDON_PATH })
    expect(await countRows(database, 'users')).toBe(200)
    await database.close()
  })
})

describe('a thread that ends by itself', () => {
  const ways = {
    'by an exception': 'setTimeout(() => { throw new Error("boom") })',
    'by leaving': 'process.exit(3)',
  }
  for (const [way, code] of Object.entries(ways)) {
    for (const which of ['store', 'recall'] as const) {
      test(`${way} fails what waits for it and what comes later (${which})`, async () => {
        const { path, folder } = newFolder()
        await (await openSqlite({ path, addonPath: ADDON_PATH })).close()
        const module = workerModule(folder, 'ends.js', code)
        const crashes: EngramError[] = []
        const { store, recall, close } = await open(path, {
          workers: { ...WORKERS, [which]: module },
          onCrash: (error) => crashes.push(error),
        })
        const call = () =>
          which === 'store'
            ? store.users.list(1, 0)
            : recall.search({ userId: 'u', namespace: 'n' }, query('x'), null)
        const waiting = await Promise.allSettled([call(), call(), call()])
        for (const outcome of waiting) {
          expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } })
        }
        expect(await failureOf(call())).toMatchObject({
          code: 'unavailable',
          fix: expect.stringContaining('engram serve'),
        })
        expect(crashes).toHaveLength(1)
        await close()
        await close()
      })
    }
  }

  test.each([
    ['at loading', 'throw new Error("boom")'],
    ['at opening', 'self.onmessage = () => { setTimeout(() => { throw new Error("boom") }) }'],
    ['without a word', 'self.onmessage = () => process.exit(0)'],
  ])('%s is an error of opening, after which nothing is held', async (_, code) => {
    for (const which of ['store', 'recall'] as const) {
      const { path, folder } = newFolder()
      const module = join(folder, 'ends.js')
      writeFileSync(module, code)
      let crashes = 0
      expect(
        await failureOf(
          open(path, {
            workers: { ...WORKERS, [which]: module },
            onCrash: () => {
              crashes++
            },
          }),
        ),
      ).toMatchObject({ code: 'unavailable' })
      expect(crashes).toBe(0)
      await open(path)
    }
  })
})

describe('a process that is killed', () => {
  const child = (path: string) => `
    import { openSqliteStore } from ${JSON.stringify(join(import.meta.dir, 'open.ts'))}
    import { newTurns } from ${JSON.stringify(join(import.meta.dir, 'contract/fixture.ts'))}
    const { store } = await openSqliteStore({
      path: ${JSON.stringify(path)},
      addonPath: ${JSON.stringify(ADDON_PATH)},
      workers: ${JSON.stringify(WORKERS)},
      onCrash: (error) => { throw error },
    })
    const user = (await store.users.findByExternalId('ann')) ?? (await store.users.create('ann', null)).user
    const scope = { userId: user.id, namespace: 'default' }
    const run = crypto.randomUUID()
    await Promise.all(Array.from({ length: 16 }, async (_, writer) => {
      for (let i = 0; ; i++) {
        const name = run + ' ' + writer + ' ' + i
        if (writer % 2 === 0) {
          const { memory } = await store.memories.add(scope, { content: 'Memory ' + name }, { actor: 'user', cause: {} })
          process.stdout.write('memory ' + memory.id + '\\n')
        } else {
          const { turnIds } = await store.conversations.recordLocated(
            { source: 'proxy', conversationId: null, sessionId: name, prefixHashes: [], sureFrom: 2 },
            { scope, turns: newTurns(['Q ' + name, 'A ' + name]), receipt: null, usedMemoryIds: [], extraction: {} },
          )
          for (const id of turnIds) process.stdout.write('turn ' + id + '\\n')
        }
      }
    }))`

  test('loses nothing that was acknowledged, and leaves nothing half done', async () => {
    const { path } = newFolder()
    const acknowledged = new Set<string>()
    for (let round = 0; round < 4; round++) {
      const running = Bun.spawn([process.execPath, '-e', child(path)], {
        stdout: 'pipe',
        stderr: 'inherit',
      })
      children.push(running)
      let rest = ''
      const wanted = acknowledged.size + 300 + 170 * round
      for await (const bytes of running.stdout) {
        const lines = (rest + new TextDecoder().decode(bytes)).split('\n')
        rest = lines.pop()!
        for (const line of lines) acknowledged.add(line)
        if (acknowledged.size >= wanted) running.kill('SIGKILL')
      }
      await running.exited
      expect(acknowledged.size).toBeGreaterThanOrEqual(wanted)

      const database = await openSqlite({ path, addonPath: ADDON_PATH })
      const stored = new Set<string>()
      for (const [kind, table] of [
        ['memory', 'memories'],
        ['turn', 'turns'],
      ] as const) {
        const rows = await database.read((db) =>
          db.all<{ id: string }>(sql`select id from ${sql.raw(table)}`),
        )
        for (const { id } of rows) stored.add(`${kind} ${id}`)
      }
      expect([...acknowledged].filter((one) => !stored.has(one))).toEqual([])
      const count = (table: string) => countRows(database, table)
      const [memories, turns] = [await count('memories'), await count('turns')]
      expect(await count('events')).toBe(memories)
      expect(await count('memory_terms')).toBe(memories)
      expect(await count('turn_terms')).toBe(turns)
      expect(await count('conversations')).toBe(turns / 2)
      expect(await count('jobs')).toBe(memories + turns + turns / 2)
      await database.close()
    }
  }, 60_000)
})
