declare const row: unique symbol

/**
 * A piece of SQL: texts, and between each two of them a value that travels apart from the text. Only this
 * file makes instances, and JSON or a message from another thread cannot hold one: no value that comes from
 * outside is ever taken for SQL.
 */
export class Sql<Row = unknown> {
  /** One more than there are values. */
  readonly texts: readonly string[]
  readonly values: readonly unknown[]
  declare readonly [row]?: Row

  constructor(texts: readonly string[], values: readonly unknown[]) {
    this.texts = texts
    this.values = values
  }
}

/** SQL with holes: a hole takes a value, or a piece of SQL. The type argument is the shape of a row. */
export function sql<Row = unknown>(
  strings: readonly string[],
  ...holes: readonly unknown[]
): Sql<Row> {
  let text = strings[0]!
  const texts: string[] = []
  const values: unknown[] = []
  for (const [i, hole] of holes.entries()) {
    if (hole instanceof Sql) {
      text += hole.texts[0]!
      for (const [j, value] of hole.values.entries()) {
        texts.push(text)
        values.push(value)
        text = hole.texts[j + 1]!
      }
      text += strings[i + 1]!
    } else {
      texts.push(text)
      values.push(hole)
      text = strings[i + 1]!
    }
  }
  texts.push(text)
  return new Sql<Row>(texts, values)
}

/** Text of our own as it stands: column lists, table names. */
sql.raw = (text: string): Sql => new Sql([text], [])

/** Values or pieces one after the other, between commas unless said. At least one. */
sql.join = (items: readonly unknown[], separator = ', '): Sql =>
  sql(['', ...Array<string>(items.length - 1).fill(separator), ''], ...items)

/** Row numbers as a list, padded by repetition to a few lengths, so that few statements are prepared. */
sql.list = (keys: readonly number[]): Sql => {
  const length = Math.ceil(keys.length / 16) * 16
  return sql.join(Array.from({ length }, (_, i) => keys[Math.min(i, keys.length - 1)]!))
}
