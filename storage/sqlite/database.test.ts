import { afterEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import BetterSqlite from 'better-sqlite3'
import { EngramError } from '../../memory/errors.ts'
import { SQLITE_MIGRATIONS } from '../../migrations/index.ts'
import { BY, countRows } from '../contract/fixture.ts'
import type { Connection, Database } from '../database.ts'
import { sql } from '../sql.ts'
import { createStore } from '../store.ts'
import { APPLICATION_ID } from './connection.ts'
import { openSqlite } from './database.ts'
import { ADDON_PATH, makeTempFolder, type TempFolder } from './temp-store.ts'

const folders: TempFolder[] = []
const opened: Database[] = []

afterEach(async () => {
  for (const database of opened.splice(0)) await database.close().catch(() => {})
  for (const { remove } of folders.splice(0)) remove()
})

function newFolder(): TempFolder {
  const folder = makeTempFolder()
  folders.push(folder)
  return folder
}

async function open(
  path: string,
  ...more: Parameters<typeof openSqlite> extends [unknown, ...infer R] ? R : never
) {
  const database = await openSqlite({ path, addonPath: ADDON_PATH }, ...more)
  opened.push(database)
  return database
}

const raw = (path: string) => new BetterSqlite(path, { nativeBinding: ADDON_PATH })

async function pragma(database: Database, name: string): Promise<unknown> {
  const ask = (db: Connection) => db.all<object>(sql`pragma ${sql.raw(name)}`)
  return Object.values((await database.write(ask))[0]!)[0]
}

/** Names and contents of all files in a folder. */
function fingerprint(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex'),
      ]),
  )
}

/** A closed database of ours with this many memories. */
async function makeStore(path: string, memories: number): Promise<void> {
  const database = await openSqlite({ path, addonPath: ADDON_PATH })
  const store = createStore(database)
  const { user } = await store.users.create('ann', null)
  const scope = { userId: user.id, namespace: 'default' }
  await Promise.all(
    Array.from({ length: memories }, (_, i) =>
      store.memories.add(
        scope,
        { content: `Memory number ${i} is about tea ${'x'.repeat(i % 50)}` },
        BY,
      ),
    ),
  )
  await database.close()
}

/** What a crash at this moment would leave: the file and its log. */
function crashCopy(from: string): TempFolder {
  const folder = newFolder()
  for (const suffix of ['', '-wal']) copyFileSync(from + suffix, folder.path + suffix)
  return folder
}

async function expectRefused(
  { folder, path }: TempFolder,
  expected: Readonly<{ code: string; message: RegExp }>,
): Promise<void> {
  const before = fingerprint(folder)
  const refused = await openSqlite({ path, addonPath: ADDON_PATH }).then(
    async (database) => {
      await database.close()
      return null
    },
    (error: unknown) => error,
  )
  expect(refused).toBeInstanceOf(EngramError)
  expect(refused).toMatchObject({ code: expected.code, fix: expect.stringMatching(/\w/) })
  expect((refused as EngramError).message).toMatch(expected.message)
  expect((refused as EngramError).message).toMatch(/not touched|cannot be opened/)
  expect(fingerprint(folder)).toEqual(before)
}

test('keys of a database that knew no proxy keys are there afterwards', async () => {
  const { path } = newFolder()
  const old = await openSqlite({ path, addonPath: ADDON_PATH }, SQLITE_MIGRATIONS.slice(0, 2))
  const key = { name: 'k', hash: new Uint8Array([1]), hint: 'ek_', scope: 'read', expiresAt: 5 }
  const { user } = await createStore(old).users.create('ann', { ...key, scope: 'read' })
  await old.close()
  const { users } = createStore(await open(path))
  expect(await users.listKeys(user.id)).toMatchObject([{ name: 'k', scope: 'read', expiresAt: 5 }])
  await users.addKey(user.id, { ...key, name: 'p', hash: new Uint8Array([2]), scope: 'proxy' })
  await users.remove(user.id)
  expect(await users.listKeys(user.id)).toEqual([])
})

describe('a SQLite file', () => {
  test('is marked as ours, and set up to keep what is acknowledged', async () => {
    const database = await open(newFolder().path)
    const settings = {
      application_id: APPLICATION_ID,
      user_version: SQLITE_MIGRATIONS.length,
      journal_mode: 'wal',
      synchronous: 2,
      foreign_keys: 1,
      trusted_schema: 0,
      cell_size_check: 1,
      secure_delete: 1,
      mmap_size: 0,
      temp_store: 2,
      journal_size_limit: 67_108_864,
    }
    for (const [name, value] of Object.entries(settings)) {
      expect([name, await pragma(database, name)]).toEqual([name, value])
    }
    expect(Buffer.from('Engr').readInt32BE()).toBe(APPLICATION_ID)
  })

  test('is readable by its owner alone, and so is its log, whatever the umask', async () => {
    const umask = process.umask(0)
    try {
      const { path, folder } = newFolder()
      await open(path)
      const names = readdirSync(folder).sort()
      expect(names).toEqual(['engram.db', 'engram.db-shm', 'engram.db-wal'])
      for (const name of names) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
      const second = newFolder()
      writeFileSync(second.path, '', { mode: 0o644 })
      await open(second.path)
      expect(statSync(second.path).mode & 0o777).toBe(0o600)
    } finally {
      process.umask(umask)
    }
  })

  test('that is empty becomes ours; opened again it has what was stored', async () => {
    const { path, folder } = newFolder()
    writeFileSync(path, '')
    await makeStore(path, 3)
    expect(readdirSync(folder)).toEqual(['engram.db'])
    expect(await countRows(await open(path), 'memories')).toBe(3)
  })

  test('is not opened where there is no folder', async () => {
    const { folder } = newFolder()
    const path = join(folder, 'missing', 'engram.db')
    await expect(open(path)).rejects.toThrow()
    expect(existsSync(join(folder, 'missing'))).toBe(false)
  })

  test('is taken up after a crash with everything that was committed', async () => {
    const { path } = newFolder()
    const database = await open(path)
    const { user } = await createStore(database).users.create('ann', null)
    const copy = crashCopy(path)
    const again = await open(copy.path)
    expect(await createStore(again).users.find(user.id)).toEqual(user)
  })

  test('is taken up after a crash of its very first transaction', async () => {
    // The first page is written, and the journal that would take it back not yet removed.
    const { path } = newFolder()
    const handle = raw(path)
    handle.pragma('journal_mode = wal')
    handle.close()
    expect(statSync(path).size).toBe(4_096)
    const journal = Buffer.alloc(512)
    journal.write('d9d505f920a163d7', 'hex')
    journal.writeUInt32BE(512, 20)
    journal.writeUInt32BE(4_096, 24)
    writeFileSync(`${path}-journal`, journal)
    const database = await open(path)
    expect(await countRows(database, 'memories')).toBe(0)
  })

  test('whose log was cut anywhere has whole transactions, and all of the first ones', async () => {
    const { path } = newFolder()
    const database = await open(path)
    const store = createStore(database)
    const { user } = await store.users.create('ann', null)
    const scope = { userId: user.id, namespace: 'default' }
    const sizes: number[] = []
    for (let i = 0; i < 15; i++) {
      await store.memories.add(scope, { content: `Memory number ${i}` }, BY)
      sizes.push(statSync(`${path}-wal`).size)
    }
    const copy = crashCopy(path)
    const log = readFileSync(`${copy.path}-wal`)
    const first = sizes[0]!
    const step = Math.floor((log.length - first) / 25)
    for (let cut = first; cut <= log.length; cut += step + 13) {
      const { path } = newFolder()
      copyFileSync(copy.path, path)
      writeFileSync(`${path}-wal`, log.subarray(0, cut))
      const again = await openSqlite({ path, addonPath: ADDON_PATH })
      const counts = await Promise.all(
        ['memories', 'events', 'jobs', 'memory_terms'].map((table) => countRows(again, table)),
      )
      await again.close()
      expect(new Set(counts).size).toBe(1)
      expect(counts[0]!).toBe(sizes.filter((size) => size <= cut).length)
    }
  })
})

describe('a file that is not ours is refused and stays as it is', () => {
  const newer = { code: 'conflict', message: /newer Engram/ }
  const foreign = { code: 'conflict', message: /another application/ }
  const damaged = { code: 'unavailable', message: /damaged/ }

  test.each([
    ['a text', 'these are my notes\n'.repeat(50)],
    ['a short text', 'notes'],
    ['noise', Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7_919) % 256))],
    ['a beginning like ours', `SQLite format 3\0${'x'.repeat(20)}`],
  ])('%s', async (_, content) => {
    const folder = newFolder()
    writeFileSync(folder.path, content)
    await expectRefused(folder, { code: 'unavailable', message: /not a SQLite database/ })
  })

  for (const mode of ['delete', 'wal']) {
    test.each([
      ['without marks', 0, 0],
      ['with a version', 0, 1],
      ['with a mark', 12_345, 0],
    ])(`a database of another application in ${mode} mode, %s`, async (_, id, version) => {
      const folder = newFolder()
      const handle = raw(folder.path)
      handle.pragma(`journal_mode = ${mode}`)
      handle.pragma(`application_id = ${id}`)
      handle.pragma(`user_version = ${version}`)
      handle.exec('create table notes (a); insert into notes values (1)')
      if (mode === 'wal') {
        // In the log alone, as after a crash.
        handle.exec('insert into notes values (2)')
        const copy = crashCopy(folder.path)
        await expectRefused(copy, foreign)
        expect(readdirSync(copy.folder).sort()).toEqual(['engram.db', 'engram.db-wal'])
      }
      handle.close()
      await expectRefused(folder, foreign)
      expect(readdirSync(folder.folder)).toEqual(['engram.db'])
    })
  }

  test('a database of another application that is in use', async () => {
    const folder = newFolder()
    const handle = raw(folder.path)
    handle.pragma('journal_mode = wal')
    handle.exec('create table notes (a)')
    await expect(openSqlite({ path: folder.path, addonPath: ADDON_PATH })).rejects.toMatchObject({
      code: 'conflict',
    })
    handle.exec('insert into notes values (1)')
    expect(handle.prepare('select count(*) from notes').pluck().get()).toBe(1)
    handle.close()
  })

  test('a database of a newer version, also when only its log says so', async () => {
    const folder = newFolder()
    await makeStore(folder.path, 3)
    const handle = raw(folder.path)
    handle.pragma(`user_version = ${SQLITE_MIGRATIONS.length + 1}`)
    const copy = crashCopy(folder.path)
    handle.close()
    await expectRefused(folder, newer)
    await expectRefused(copy, newer)
  })

  test('a database of ours with damaged pages', async () => {
    const source = newFolder()
    await makeStore(source.path, 120)
    const whole = readFileSync(source.path)
    const pages = whole.length / 4_096
    const unnoticed: number[] = []
    for (let page = 0; page < pages; page++) {
      const folder = newFolder()
      const bytes = Buffer.from(whole)
      // The first page begins with the header of the file.
      const at = page * 4_096 + (page === 0 ? 100 : 0)
      for (let i = 0; i < 12; i++) bytes[at + i]! ^= 0xff
      writeFileSync(folder.path, bytes)
      const database = await openSqlite({ path: folder.path, addonPath: ADDON_PATH }).catch(
        () => null,
      )
      await database?.close()
      if (database) unnoticed.push(page)
      else await expectRefused(folder, damaged)
    }
    const handle = raw(source.path)
    const free = handle.pragma('freelist_count', { simple: true }) as number
    handle.close()
    expect(unnoticed.length).toBeLessThanOrEqual(free)
    expect(pages).toBeGreaterThan(40)
  }, 30_000)

  test('a damaged database with a log: neither is changed', async () => {
    const { path } = newFolder()
    await makeStore(path, 120)
    const database = await open(path)
    await createStore(database).users.create('ben', null)
    const copy = crashCopy(path)
    const bytes = readFileSync(copy.path)
    bytes.fill(0xff, 4_096 * 5, 4_096 * 20)
    writeFileSync(copy.path, bytes)
    await expectRefused(copy, damaged)
  })

  test.each([
    ['half of it', (size: number) => size / 2],
    ['one page', (size: number) => size - 4_096],
    ['one byte', (size: number) => size - 1],
    ['all but the header', () => 100],
    ['all but a page', () => 4_096],
  ])('a database that lost its end: %s', async (_, left) => {
    const folder = newFolder()
    await makeStore(folder.path, 60)
    truncateSync(folder.path, Math.floor(left(statSync(folder.path).size)))
    await expectRefused(folder, damaged)
  })
})

describe('a migration', () => {
  const second = { name: '0002_more', sql: 'create table more (a integer) strict;' }

  test('that fails leaves the schema and the data of before', async () => {
    const { path } = newFolder()
    await makeStore(path, 5)
    const failing = {
      ...second,
      sql: `${second.sql} drop table events; insert into nowhere values (1);`,
    }
    await expect(
      openSqlite({ path, addonPath: ADDON_PATH }, [...SQLITE_MIGRATIONS, failing]),
    ).rejects.toThrow('nowhere')
    const database = await open(path)
    expect(await pragma(database, 'user_version')).toBe(SQLITE_MIGRATIONS.length)
    expect(await countRows(database, 'events')).toBe(5)
    await expect(countRows(database, 'more')).rejects.toThrow('more')
  })

  test('of a first start that fails leaves a file that the next start takes up', async () => {
    const { path } = newFolder()
    const failing = {
      name: '0001_bad',
      sql: 'create table half (a); insert into nowhere values (1);',
    }
    await expect(openSqlite({ path, addonPath: ADDON_PATH }, [failing])).rejects.toThrow('nowhere')
    const database = await open(path)
    expect(await countRows(database, 'memories')).toBe(0)
  })

  test('is applied once, to what is there', async () => {
    const { path } = newFolder()
    await makeStore(path, 5)
    for (let start = 0; start < 2; start++) {
      const database = await openSqlite({ path, addonPath: ADDON_PATH }, [
        ...SQLITE_MIGRATIONS,
        second,
      ])
      expect(await pragma(database, 'user_version')).toBe(SQLITE_MIGRATIONS.length + 1)
      expect(await countRows(database, 'memories')).toBe(5)
      expect(await countRows(database, 'more')).toBe(0)
      await database.close()
    }
    // The version before it no longer opens the file.
    await expect(open(path)).rejects.toMatchObject({ code: 'conflict' })
  })
})

describe('writes', () => {
  const insert = (db: Connection, name: string) =>
    db.run(sql`insert into embedding_models (fingerprint, name, dimensions, created_at)
      values (${name}, ${name}, 1, 1)`)
  const names = async (database: Database) =>
    (
      await database.read((db) =>
        db.all<{ name: string }>(sql`select name from embedding_models order by id`),
      )
    ).map(({ name }) => name)

  test('of which every seventh throws: each settles with its own outcome, the others are stored', async () => {
    const database = await open(newFolder().path)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 500 }, (_, i) =>
        database.write(async (db) => {
          await insert(db, `w${i}`)
          if (i % 7 === 0) throw new EngramError('not_found', `write ${i}`)
          return i
        }),
      ),
    )
    for (const [i, outcome] of outcomes.entries()) {
      if (i % 7 === 0) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { message: `write ${i}` } })
      } else expect(outcome).toEqual({ status: 'fulfilled', value: i })
    }
    const expected = Array.from({ length: 500 }, (_, i) => i).filter((i) => i % 7 !== 0)
    expect(await names(database)).toEqual(expected.map((i) => `w${i}`))
  })

  test('that break a rule of the database leave nothing, and take no others along', async () => {
    const database = await open(newFolder().path)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 40 }, (_, i) =>
        database.write(async (db) => {
          await insert(db, `before ${i}`)
          await insert(db, i % 10 === 3 ? `before ${i}` : `after ${i}`)
        }),
      ),
    )
    const failed = outcomes.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))
    expect(failed).toEqual([3, 13, 23, 33])
    expect(await names(database)).toHaveLength(72)
    expect((await names(database)).filter((name) => / \d*3$/.test(name))).toEqual([])
  })

  test('of which one fails at the commit: the others are stored', async () => {
    const database = await open(newFolder().path)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        database.write(async (db) => {
          await insert(db, `w${i}`)
          if (i !== 11) return
          await db.run(sql`pragma defer_foreign_keys = on`)
          await db.run(
            sql`insert into namespaces (user_id, name, created_at) values ('nobody', 'x', 1)`,
          )
        }),
      ),
    )
    const failed = outcomes.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))
    expect(failed).toEqual([11])
    expect((await names(database)).toSorted()).toEqual(
      Array.from({ length: 20 }, (_, i) => `w${i}`)
        .filter((name) => name !== 'w11')
        .toSorted(),
    )
  })

  test('are seen by reads as soon as they are acknowledged, and not before', async () => {
    const database = await open(newFolder().path)
    let during: string[] = []
    await database.write(async (db) => {
      await insert(db, 'one')
      during = await names(database)
    })
    expect(during).toEqual([])
    expect(await names(database)).toEqual(['one'])
  })

  test('run in the order in which they were asked for', async () => {
    const database = await open(newFolder().path)
    await Promise.all(
      Array.from({ length: 300 }, (_, i) => database.write((db) => insert(db, `${i}`))),
    )
    expect(await names(database)).toEqual(Array.from({ length: 300 }, (_, i) => `${i}`))
  })

  test('asked for before the end are done, those after it are refused', async () => {
    const { path } = newFolder()
    const database = await open(path)
    const writes = Array.from({ length: 300 }, (_, i) => database.write((db) => insert(db, `${i}`)))
    const reads = Array.from({ length: 30 }, () => names(database))
    const closed = database.close()
    const closedError = { code: 'unavailable', message: 'storage is closed' }
    await expect(database.write((db) => insert(db, 'late'))).rejects.toMatchObject(closedError)
    await expect(names(database)).rejects.toMatchObject(closedError)
    await Promise.all([...writes, ...reads])
    await closed
    expect(await names(await open(path))).toHaveLength(300)
  })
})

describe('while another process has the file locked', () => {
  const lockedBy = (path: string) => {
    const other = raw(path)
    other.exec('begin immediate')
    return other
  }

  test('reads go on and writes wait for it', async () => {
    const { path } = newFolder()
    const database = await open(path)
    const { users } = createStore(database)
    const other = lockedBy(path)
    const written = users.create('ann', null)
    expect(await users.findByExternalId('ann')).toBe(null)
    other.exec('rollback')
    other.close()
    expect((await written).user.externalId).toBe('ann')
  })

  test('writes are refused when it takes too long, all that wait at once', async () => {
    const { path } = newFolder()
    const database = await open(path, SQLITE_MIGRATIONS, 20)
    const { users } = createStore(database)
    const other = lockedBy(path)
    const names = ['ann', 'ben', 'cleo']
    const outcomes = await Promise.allSettled(names.map((name) => users.create(name, null)))
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'unavailable', message: 'another process has the database locked' },
      })
    }
    other.exec('rollback')
    other.close()
    for (const name of names) expect(await users.findByExternalId(name)).toBe(null)
    await users.create('dora', null)
    expect(await users.findByExternalId('dora')).not.toBe(null)
  })
})

describe('on a full disk', () => {
  async function openNearlyFull(spare: number) {
    const { path } = newFolder()
    const database = await open(path)
    const store = createStore(database)
    const { user } = await store.users.create('ann', null)
    const scope = { userId: user.id, namespace: 'default' }
    const add = (content: string) => store.memories.add(scope, { content }, BY)
    await add('Stored before')
    const limit = async (pages: number) => pragma(database, `max_page_count = ${pages}`)
    await limit(((await pragma(database, 'page_count')) as number) + spare)
    return { path, database, store, scope, add, limit }
  }
  const full = { code: 'storage_full', fix: expect.stringMatching(/space/) }

  test('a write is refused whole, reads go on, and writes too once there is room', async () => {
    const { database, store, scope, add, limit } = await openNearlyFull(20)
    let stored = 1
    let refused: unknown = null
    for (let i = 0; refused === null && i < 500; i++) {
      await add(`Memory ${i} ${'x'.repeat(2_000)}`).then(
        () => stored++,
        (error) => {
          refused = error
        },
      )
    }
    expect(refused).toBeInstanceOf(EngramError)
    expect(refused).toMatchObject(full)
    expect(stored).toBeGreaterThan(1)
    for (const table of ['memories', 'events', 'jobs', 'memory_terms']) {
      expect(await countRows(database, table)).toBe(stored)
    }
    expect(await store.memories.alike(scope, 'stored before', 1)).toHaveLength(1)
    await expect(add(`Again ${'y'.repeat(9_000)}`)).rejects.toMatchObject(full)
    await limit(100_000)
    await add(`Again ${'y'.repeat(9_000)}`)
    expect(await countRows(database, 'memories')).toBe(stored + 1)
  })

  test('a write that is too large does not take the small ones beside it along', async () => {
    const { path, database, store, scope, add } = await openNearlyFull(60)
    const large = Array.from({ length: 200 }, (_, i) => ({
      namespace: 'default',
      content: `Large ${i} ${'z'.repeat(4_000)}`,
    }))
    const outcomes = await Promise.allSettled([
      add('small one'),
      add('small two'),
      store.memories.import(scope.userId, large, BY),
      add('small three'),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect((outcomes[2] as PromiseRejectedResult).reason).toMatchObject(full)
    expect(await countRows(database, 'memories')).toBe(4)
    await database.close()
    expect(await countRows(await open(path), 'memories')).toBe(4)
  })
})
