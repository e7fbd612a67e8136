import { queryTerms, terms } from '../../memory/words.ts'
import { all, run, type TextIndex } from '../database.ts'
import { sql } from '../sql.ts'

/** Beyond this a text's further words are not indexed; it bounds one row's postings. */
const MAX_INDEXED_CHARACTERS = 65_536

/**
 * Text search with FTS5. What reaches FTS5 is our own terms, letters and digits only, each preceded by the
 * namespace's number and quoted: a question has no way to carry query syntax, and another scope's documents
 * are not looked at.
 */
export const fts5: TextIndex = {
  async put(db, { kind, seq, namespaceId, text }) {
    const scoped = terms(text.slice(0, MAX_INDEXED_CHARACTERS))
      .map((term) => `${namespaceId}_${term}`)
      .join(' ')
    await run(db, sql`insert into ${table(kind)} (rowid, terms) values (${seq}, ${scoped})`)
  },

  async remove(db, kind, seq) {
    await run(db, sql`delete from ${table(kind)} where rowid = ${seq}`)
  },

  matches(kind, namespaceIds, text, column) {
    const wanted = queryTerms(text)
    if (wanted.length === 0 || namespaceIds.length === 0) return sql`0`
    const expression = namespaceIds
      .map((namespaceId) => `(${quoted(namespaceId, wanted).join(' AND ')})`)
      .join(' OR ')
    return sql`${sql.raw(column)} in (select rowid from ${table(kind)} where terms match ${expression})`
  },

  async best(db, { kind, namespaceId, text, limit }) {
    const wanted = quoted(namespaceId, queryTerms(text)).join(' OR ')
    if (wanted === '') return []
    return all<{ seq: number; score: number }>(
      db,
      sql`
        select rowid as seq, -rank as score
        from ${table(kind)}
        where terms match ${wanted}
        order by rank, rowid
        limit ${limit}
      `,
    )
  },

  async frequencies(db, { kind, namespaceId, terms: wanted }) {
    const found = new Map<string, number>()
    for (const term of wanted) {
      const rows = await all<{ n: number }>(
        db,
        sql`
          select count(*) as n from ${table(kind)} where terms match ${`"${namespaceId}_${term}"`}
        `,
      )
      found.set(term, rows[0]!.n)
    }
    return found
  },

  async compact(db) {
    for (const kind of ['memory', 'turn'] as const) {
      const name = table(kind)
      await run(db, sql`insert into ${name} (${name}) values ('optimize')`)
    }
  },
}

function table(kind: 'memory' | 'turn') {
  return sql.raw(kind === 'memory' ? 'memory_terms' : 'turn_terms')
}

function quoted(namespaceId: number, words: readonly string[]): string[] {
  return words.map((word) => `"${namespaceId}_${word}"`)
}
