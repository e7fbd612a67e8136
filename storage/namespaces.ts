import type { Scope } from '../memory/memory.ts'
import { type Connection, one, run } from './database.ts'
import { type Sql, sql } from './sql.ts'

/** The number of a scope's namespace; null when nothing was ever stored under that name. */
export async function findNamespace(db: Connection, scope: Scope): Promise<number | null> {
  const row = await one<{ id: number }>(
    db,
    sql`select id from namespaces where user_id = ${scope.userId} and name = ${scope.namespace}`,
  )
  return row?.id ?? null
}

/** The same, making it when it is missing. Only inside a write. */
export async function ensureNamespace(db: Connection, scope: Scope, at: number): Promise<number> {
  const found = await findNamespace(db, scope)
  if (found !== null) return found
  await run(
    db,
    sql`
      insert into namespaces (user_id, name, created_at)
      values (${scope.userId}, ${scope.namespace}, ${at})
    `,
  )
  return (await findNamespace(db, scope))!
}

/** A condition on the rows of a table under this alias; without a name every namespace of the user will do. */
export function inNamespace(alias: string, userId: string, name: string | null): Sql {
  const table = sql.raw(alias)
  if (name === null) return sql`${table}.user_id = ${userId}`
  return sql`
    ${table}.user_id = ${userId}
    and ${table}.namespace_id = (
      select id from namespaces where user_id = ${userId} and name = ${name}
    )
  `
}

/** The column `namespace` of a table under this alias. Not a join: SQLite prepares joins anew at every call. */
export function namespaceOf(alias: string): string {
  return `(select name from namespaces where id = ${alias}.namespace_id) as namespace`
}
