import { all, type Connection, type Database, one, run } from './database.ts'
import { sql } from './sql.ts'

/** A text that stands in a turn of a proxied conversation whenever that turn is sent. */
export type Anchor = Readonly<{
  /** Of the conversation up to and including the turn. */
  prefixHash: Uint8Array
  block: string
  /** Whether it stands in the turn's text or beside it. */
  form: 'inside' | 'beside'
}>

export type FoundAnchor = Anchor & Readonly<{ seq: number; usedAt: number }>

export type NewAnchor = Anchor &
  Readonly<{
    provider: string
    /** The memories and turns whose words it holds. */
    itemIds: readonly string[]
  }>

type AnchorRow = {
  seq: number
  prefix_hash: Buffer
  block: string
  form: Anchor['form']
  used_at: number
}

export function createAnchors(database: Database) {
  return {
    /** Removes those that no request has carried since `before`. @returns how many. */
    purge: (before: number): Promise<number> =>
      database.write((db) => run(db, sql`delete from anchors where used_at < ${before}`)),
  }
}

export async function findAnchors(
  db: Connection,
  namespaceId: number,
  provider: string,
  prefixHashes: readonly Uint8Array[],
): Promise<FoundAnchor[]> {
  if (prefixHashes.length === 0) return []
  const hashes = prefixHashes.map((hash) => Buffer.from(hash))
  const rows = await all<AnchorRow>(
    db,
    sql`
      select seq, prefix_hash, block, form, used_at from anchors
      where namespace_id = ${namespaceId} and provider = ${provider}
        and prefix_hash in (${sql.join(hashes)})
    `,
  )
  return rows.map(({ seq, prefix_hash, block, form, used_at }) => ({
    seq,
    prefixHash: prefix_hash,
    block,
    form,
    usedAt: used_at,
  }))
}

/** In place of the one that the turn had; without a text the turn has none. Only inside a write. */
export async function putAnchor(
  db: Connection,
  namespaceId: number,
  { provider, prefixHash, block, form, itemIds }: NewAnchor,
  at: number,
): Promise<void> {
  if (block === '') {
    await run(
      db,
      sql`
        delete from anchors
        where namespace_id = ${namespaceId} and provider = ${provider}
          and prefix_hash = ${Buffer.from(prefixHash)}
      `,
    )
    return
  }
  const row = await one<{ seq: number }>(
    db,
    sql`
      insert into anchors (namespace_id, provider, prefix_hash, block, form, created_at, used_at)
      values (${namespaceId}, ${provider}, ${Buffer.from(prefixHash)}, ${block}, ${form}, ${at}, ${at})
      on conflict (namespace_id, provider, prefix_hash)
        do update set block = excluded.block, form = excluded.form, used_at = excluded.used_at
      returning seq
    `,
  )
  await run(db, sql`delete from anchor_items where anchor = ${row!.seq}`)
  if (itemIds.length === 0) return
  const items = [...new Set(itemIds)].map((itemId) => sql`(${itemId}, ${row!.seq})`)
  await run(db, sql`insert into anchor_items (item_id, anchor) values ${sql.join(items)}`)
}

/** Only inside a write. */
export async function touchAnchors(
  db: Connection,
  seqs: readonly number[],
  at: number,
): Promise<void> {
  for (const seq of seqs) await run(db, sql`update anchors set used_at = ${at} where seq = ${seq}`)
}

/** What was deleted or rejected is sent to no provider again, also where it was sent before. Only inside a write. */
export async function removeAnchorsWith(db: Connection, itemId: string): Promise<void> {
  await run(
    db,
    sql`delete from anchors where seq in (select anchor from anchor_items where item_id = ${itemId})`,
  )
}
