import { type IndexAnswer, type IndexQuery, ScopeIndex } from '../memory/scope-index.ts'
import type { RelatedTerms } from '../memory/term-index.ts'
import { queryTerms } from '../memory/words.ts'
import { all, type Connection, one, type TextIndex } from './database.ts'
import { documentsBySeq } from './index-feed.ts'
import { sql } from './sql.ts'

/** Of each kind so many are ranked: what the text index puts first. */
const CANDIDATES = 200
/** Terms whose frequency is looked up; of a longer question the others count as unheard of. */
const COUNTED_TERMS = 16

/**
 * Answers a question from the database's text index, while a scope's index in RAM is being loaded: by words
 * alone and without neighbours, but with the same ranking and scores on the same scale.
 */
export async function answerFromText({
  db,
  text,
  namespaceId,
  query,
  related,
}: Readonly<{
  db: Connection
  text: TextIndex
  namespaceId: number
  query: IndexQuery
  related: RelatedTerms | undefined
}>): Promise<IndexAnswer & Readonly<{ searched: { memory: number; turn: number } }>> {
  const searched = await sizes(db, namespaceId)
  const terms = queryTerms(query.text).slice(0, COUNTED_TERMS)
  const whole = async (kind: 'memory' | 'turn') => ({
    documents: searched[kind],
    frequencies: await text.frequencies(db, { kind, namespaceId, terms }),
  })
  const index = new ScopeIndex(0, related, {
    memory: await whole('memory'),
    turn: await whole('turn'),
  })
  for (const kind of ['memory', 'turn'] as const) {
    const best = await text.best(db, { kind, namespaceId, text: query.text, limit: CANDIDATES })
    const keys = new Set(best.map(({ seq }) => seq))
    if (kind === 'memory') for (const seq of await pinned(db, namespaceId)) keys.add(seq)
    for (const document of await documentsBySeq(db, kind, [...keys])) index.put(kind, document)
  }
  return { ...index.search({ ...query, vector: null }), searched }
}

/** In any state; only what can be found is made a document. */
async function pinned(db: Connection, namespaceId: number): Promise<number[]> {
  const rows = await all<{ seq: number }>(
    db,
    sql`select seq from memories where namespace_id = ${namespaceId} and pinned = 1`,
  )
  return rows.map(({ seq }) => seq)
}

async function sizes(db: Connection, namespaceId: number) {
  const row = await one<{ memory: number; turn: number }>(
    db,
    sql`
      select
        (select count(*) from memories where namespace_id = ${namespaceId} and status = 'approved')
          as memory,
        (select count(*) from turns where namespace_id = ${namespaceId}) as turn
    `,
  )
  return row!
}
