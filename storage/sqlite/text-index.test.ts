import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import BetterSqlite from 'better-sqlite3'
import fc from 'fast-check'
import { stem } from '../../memory/stem.ts'
import { words } from '../../memory/words.ts'
import { BY, countRows } from '../contract/fixture.ts'
import type { Database } from '../database.ts'
import { sql } from '../sql.ts'
import { createStore, type Store } from '../store.ts'
import { openSqlite } from './database.ts'
import { ADDON_PATH, makeTempFolder } from './temp-store.ts'

test('our stemmer is the porter stemmer of FTS5', () => {
  const handle = new BetterSqlite(':memory:', { nativeBinding: ADDON_PATH })
  handle.exec(`
    create virtual table stemmed using fts5 (word, tokenize = 'porter ascii');
    create virtual table vocabulary using fts5vocab (stemmed, 'instance');
  `)
  const insert = handle.prepare('insert into stemmed (rowid, word) values (?, ?)')
  const syllable = fc.constantFrom(
    ...'b c d f g l m n p r s t v w x y z a e i o u th st ch ll ss oo ea'.split(' '),
  )
  const suffix = fc.constantFrom(
    ...`s es ies sses ed ing eed ly y er est ational tional enci anci izer abli alli entli eli ousli ization
      ation ator alism iveness fulness ousness aliti iviti biliti logi icate ative alize iciti ical ful ness
      al ance ence ic able ible ant ement ment ent sion tion ou ism ate iti ous ive ize e ll`.split(
      /\s+/,
    ),
  )
  const word = fc
    .tuple(fc.array(syllable, { minLength: 1, maxLength: 6 }), fc.array(suffix, { maxLength: 3 }))
    .map(([syllables, suffixes]) => [...syllables, ...suffixes].join(''))
  const sample = [...new Set(fc.sample(word, { numRuns: 6_000, seed: 29 }))]
  handle.transaction(() => {
    for (const [i, one] of sample.entries()) insert.run(i, one)
  })()
  const rows = handle.prepare('select doc, term from vocabulary').all() as {
    doc: number
    term: string
  }[]
  const theirs = new Map(rows.map(({ doc, term }) => [doc, term]))
  const differing = sample.flatMap((one, i) =>
    stem(one) === theirs.get(i) ? [] : [`${one}: ${stem(one)}, not ${theirs.get(i)}`],
  )
  handle.close()
  expect(sample.length).toBeGreaterThan(4_000)
  expect(differing).toEqual([])
})

describe('the text index', () => {
  const { folder, path, remove } = makeTempFolder()
  let database: Database
  let store: Store
  let userId: string

  beforeAll(async () => {
    database = await openSqlite({ path, addonPath: ADDON_PATH })
    store = createStore(database)
    userId = (await store.users.create('ann', null)).user.id
  })
  afterAll(async () => {
    await database.close()
    remove()
  })

  const add = async (content: string) =>
    (await store.memories.add({ userId, namespace: 'default' }, { content }, BY)).memory

  test('holds every word as one term of its namespace, whatever the script', async () => {
    const text = 'Naïve 7.0 हिन्दी שלום 茶が好き 𞤀𞤣𞤤𞤢𞤥 Ⴀ 𐐀𐐁 ไทย café2go'
    await add(text)
    const rows = await database.read((db) =>
      db.all<{ id: number }>(sql`select id from namespaces where user_id = ${userId}`),
    )
    const namespaceId = rows[0]!.id
    for (const word of words(text)) {
      const found = await database.read((db) =>
        database.text.best(db, { kind: 'memory', namespaceId, text: word, limit: 5 }),
      )
      expect([word, found.length]).toEqual([word, 1])
    }
    for (const absent of ['हिन', 'ही', '好茶', 'naive2', '茶好']) {
      const found = await database.read((db) =>
        database.text.best(db, { kind: 'memory', namespaceId, text: absent, limit: 5 }),
      )
      expect([absent, found.length]).toEqual([absent, 0])
    }
    await store.memories.removeAll(userId, null, BY)
  })

  test('holds one row a memory and a turn, and none for what is gone', async () => {
    const kept = await add('Likes tea')
    for (let i = 0; i < 30; i++) {
      const { id } = await add(`Likes tea number ${i}`)
      if (i % 2 === 0) await store.memories.change(userId, id, { content: `Rum ${i}` }, BY)
      await store.memories.remove(userId, id, BY)
    }
    expect(await countRows(database, 'memory_terms')).toBe(1)
    expect(await countRows(database, 'turn_terms')).toBe(0)
    expect(await store.memories.find(userId, kept.id)).toEqual(kept)
  })

  test('a very long text is found by its beginning', async () => {
    const { id } = await add(`oolong ${'filler '.repeat(12_000)} darjeeling`)
    const scope = { userId, namespace: 'default' }
    expect((await store.memories.alike(scope, 'oolong', 5)).map((memory) => memory.id)).toEqual([
      id,
    ])
    expect(await store.memories.alike(scope, 'darjeeling', 5)).toEqual([])
  })

  test('words that were forgotten for good are in no file any more', async () => {
    const secret = 'xylophonist'
    const kept = 'glockenspiel'
    const gone = await add(`The password is ${secret}`)
    const bob = (await store.users.create('bob', null)).user
    await store.memories.add(
      { userId: bob.id, namespace: 'default' },
      { content: `The ${secret}2 is bob’s` },
      BY,
    )
    await add(`Plays the ${kept}`)
    await store.memories.remove(userId, gone.id, BY)
    await store.journal.purgeDeleted(Date.now() + 1)
    await store.users.remove(bob.id)
    await database.close()
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)))
    expect(files.some((bytes) => bytes.includes(kept))).toBe(true)
    expect(files.some((bytes) => bytes.includes(secret))).toBe(false)
    database = await openSqlite({ path, addonPath: ADDON_PATH })
    store = createStore(database)
  })
})
