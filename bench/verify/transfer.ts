import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Part } from './report.ts'

/** What one installation exports another imports, word for word; importing twice changes nothing. */
export const transfer: Part = async ({ step, open }) => {
  const from = await open()
  const to = await open()
  const first = await from.serve()
  await to.serve()
  const file = join(from.home, 'memories.jsonl')
  let lines: string[] = []

  await step('a store with a past', async () => {
    const add = async (body: object) => {
      const answer = await first.ask('POST', '/memories', body)
      return (await answer.json()) as { id: string }
    }
    await add({ content: 'Likes tea', category: 'preferences', pinned: true })
    await add({
      content: 'Ça va, "quoted" \\ 日本語 🏔️\nsecond line',
      metadata: { deep: [1, { a: null }] },
    })
    await add({ content: 'In a namespace', namespace: 'work', valid_from: '2024-05-01' })
    const { id } = await add({ content: 'Rejected' })
    await first.ask('PATCH', `/memories/${id}`, { status: 'rejected' })
    for (const user_message of [
      'I live in Porto.',
      'I moved from Porto to Lisbon, I live in Lisbon now.',
    ]) {
      equal((await first.ask('POST', '/memories/capture', { user_message })).status, 201)
    }
    const answer = await first.ask('GET', '/memories?status=superseded')
    const { total } = (await answer.json()) as { total: number }
    ok(total >= 1, 'the old home was not superseded')
    return `pinned, rejected, superseded, another namespace, metadata, odd characters`
  })
  await step('engram export', async () => {
    const { code, out, err } = await from.run(['memories', 'export', '-o', file])
    equal(code, 0, err)
    lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    return out.trim()
  })
  await step('engram import into another installation', async () => {
    const { code, out, err } = await to.run(['memories', 'import', file, '--json'])
    equal(code, 0, err)
    const report = JSON.parse(out) as { imported: number }
    equal(report.imported, lines.length)
    return out.trim()
  })
  await step('the same comes out again', async () => {
    const { out } = await to.run(['memories', 'export'])
    const parsed = (text: string) => JSON.parse(text) as unknown
    deepEqual(out.trimEnd().split('\n').map(parsed), lines.map(parsed))
    return `${lines.length} memories, every field equal`
  })
  await step('importing it once more changes nothing', async () => {
    const { out } = await to.run(['memories', 'import', file, '--json'])
    const report = JSON.parse(out) as { imported: number; unchanged: number }
    deepEqual([report.imported, report.unchanged], [0, lines.length])
    return out.trim()
  })
}
