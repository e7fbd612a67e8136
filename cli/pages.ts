import type { z } from 'zod'
import type { Client, Request } from './client.ts'

/** The REST interface hands out so many at once. */
const MOST = 100

/** As many items as were asked for, in as many requests as that takes. */
export async function pagesOf<T extends z.ZodType, Item>(
  client: Client,
  answer: T,
  itemsOf: (page: z.output<T>) => readonly Item[],
  list: Readonly<{ path: string; limit: number; offset: number; query?: Request['query'] }>,
): Promise<{ items: Item[]; total: number; offset: number }> {
  const items: Item[] = []
  let total = 0
  while (items.length < list.limit) {
    const limit = Math.min(MOST, list.limit - items.length)
    const offset = list.offset + items.length
    const page = await client.ask(answer, {
      method: 'GET',
      path: list.path,
      query: { ...list.query, limit, offset },
    })
    const found = itemsOf(page)
    items.push(...found)
    total = (page as { total?: number }).total ?? offset + found.length
    if (found.length < limit) break
  }
  return { items, total, offset: list.offset }
}
