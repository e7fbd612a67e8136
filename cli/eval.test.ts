import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Home, jsonOf, openHome } from './fixtures/harness.ts'

setDefaultTimeout(120_000)

let home: Home
let data: string
let queries: string

const CHAT = (id: string, name: string, animal: string) => ({
  sample_id: id,
  conversation: {
    speaker_a: name,
    speaker_b: 'Zoe',
    session_1_date_time: '1:56 pm on 8 May, 2023',
    session_1: [
      { speaker: name, dia_id: 'D1:1', text: `I adopted a ${animal} last week.` },
      { speaker: 'Zoe', dia_id: 'D1:2', text: 'How lovely!' },
    ],
  },
  qa: [{ question: `Which animal did ${name} adopt?`, evidence: ['D1:1'], category: 4 }],
})

beforeAll(async () => {
  home = openHome()
  data = join(home.path, 'data')
  await Bun.write(
    join(data, 'chats/x.json'),
    JSON.stringify([CHAT('a', 'Ann', 'tortoise'), CHAT('b', 'Ben', 'parrot')]),
  )
  await Bun.write(join(data, 'other/x.json'), '[]')
  queries = join(home.path, 'queries.jsonl')
  writeFileSync(
    queries,
    [
      { query: 'Which editor do I use?', relevant: ['Neovim'] },
      { query: 'What am I allergic to?', relevant: ['peanuts'] },
      { query: 'Convert 72 F to C', relevant: [] },
    ]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join(''),
  )
})
afterAll(() => home.close())

const measured = ['eval', '--embedder', 'static'] as const

describe('engram eval --data', () => {
  test('prints a table with definitions, and what it ran on', async () => {
    const { code, out, err } = await home.engram([...measured, '--data', data])
    expect({ code, err }).toMatchObject({ code: 0 })
    expect(out).toContain('chats-turns')
    expect(out).toMatch(/engram +100\.0 +100\.0 +100\.0/)
    for (const method of ['cosine', 'bm25', 'rrf'])
      expect(out).toMatch(new RegExp(`^ +${method} `, 'm'))
    expect(out).toContain('R@k: share of what is relevant')
    expect(out).toMatch(/^ +[\d,]+ bytes per memory$/m)
    expect(out).toMatch(/engram \d.*Bun \d.*seed 1/)
    expect(out).toContain('no known form, skipped: other')
    expect(err).toContain('measuring chats-turns')
    // No daemon was needed, and no database of the user's.
    expect(home.daemon()).toBeNull()
    expect(existsSync(join(home.path, 'engram.db'))).toBe(false)
  })

  test('prints one JSON document for programs', async () => {
    const report = jsonOf<{
      sets: Record<string, Record<string, { r10: number; ms_p50: number }>>
      newest_first: unknown
      skipped: string[]
      vectors: { made: number; read: number }
    }>(await home.engram([...measured, '--data', data, '--sets', 'chats-turns', '--json']))
    expect(Object.keys(report.sets)).toEqual(['chats-turns'])
    expect(report.sets['chats-turns']).toMatchObject({
      engram: { r10: 100 },
      cosine: { r10: 100 },
      bm25: { r10: 100 },
      rrf: { r10: 100 },
    })
    expect(report.sets['chats-turns']!.engram!.ms_p50).toBeGreaterThan(0)
    expect(report.newest_first).toBeNull()
    // The run before has made every vector.
    expect(report.vectors.made).toBe(0)
  })

  test.each([
    ['nothing to measure with', [], 2, 'E_USAGE'],
    ['both', ['--data', '.', '--queries', 'x'], 2, 'E_USAGE'],
    ['a gate without queries', ['--data', '.', '--gate'], 2, 'E_USAGE'],
    ['a folder that is not there', ['--data', '/nowhere/at/all'], 3, 'E_NOT_FOUND'],
    ['a folder with nothing in it that is known', ['--data', '.'], 2, 'E_INVALID'],
    ['a set that is not there', ['--data', 'data', '--sets', 'nope'], 3, 'E_NOT_FOUND'],
    ['an embedder that is not there', ['--data', 'data', '--embedder', 'gpt'], 2, 'E_USAGE'],
    ['queries that are not there', ['--queries', 'nowhere.jsonl'], 3, 'E_NOT_FOUND'],
    ['queries that are none', ['--queries', 'data/other/x.json'], 2, 'E_INVALID'],
  ])('%s is refused, with the next step', async (_, args, code, error) => {
    const ended = await home.engram(['eval', ...args])
    expect(ended).toMatchObject({ code, out: '' })
    expect(ended.err).toContain(error)
    expect(ended.err).toMatch(/fix +\S/)
  })
})

describe('engram eval --queries', () => {
  test('asks the own store, and the gate holds later runs against the first', async () => {
    for (const text of ['User prefers Neovim', 'User is allergic to peanuts', 'User has a cat']) {
      await home.engram(['add', text])
    }
    await home.embedded()
    const first = jsonOf<{ r10: number; nothing: number; baseline: string; worse: unknown[] }>(
      await home.engram(['eval', '--queries', queries, '--gate', '--json']),
    )
    expect(first).toMatchObject({ queries: 3, r10: 100, nothing: 100, answered: 100, worse: [] })
    const kept = join(home.path, 'queries.baseline.json')
    expect(first.baseline).toBe(kept)

    const again = await home.engram(['eval', '--queries', queries, '--gate'])
    expect(again.code).toBe(0)
    expect(again.out).toContain('Not worse than the baseline')
    expect(again.out).toMatch(/^Measured with \S/m)

    // A hard one more is no fall.
    const before = readFileSync(queries, 'utf8')
    const hard = JSON.stringify({ query: 'Which shell do I use?', relevant: ['fish'] })
    writeFileSync(queries, `\uFEFF${before}${hard}\n`)
    const longer = await home.engram(['eval', '--queries', queries, '--gate'])
    expect(longer.code).toBe(0)
    expect(longer.out).toContain('Compared by 3 queries of both; 1 new, 0 no longer there')
    writeFileSync(queries, before)

    // Something changes for the worse: the memory is gone.
    const { memories } = jsonOf<{ memories: { id: string; content: string }[] }>(
      await home.engram(['memories', 'list', '--json']),
    )
    await home.engram(['rm', memories.find(({ content }) => content.includes('Neovim'))!.id])
    const worse = await home.engram(['eval', '--queries', queries, '--gate'])
    expect(worse.code).toBe(1)
    expect(worse.out).toMatch(/Worse.*r10 100 → 50/)
    expect(worse.out).toContain('Which editor do I use?')
    // Without the gate it is only told.
    expect((await home.engram(['eval', '--queries', queries])).code).toBe(0)

    await home.engram(['eval', '--queries', queries, '--save'])
    expect(JSON.parse(readFileSync(kept, 'utf8')).summary.r10).toBe(50)
    expect((await home.engram(['eval', '--queries', queries, '--gate'])).code).toBe(0)
  })

  test('says when words alone were searched, which is no baseline unless asked for', async () => {
    const program = join(import.meta.dir, '../embed/fixtures/embedding-server.ts')
    const server = Bun.spawn([process.execPath, program], { stdout: 'pipe' })
    const own = openHome()
    try {
      const { value } = await server.stdout.getReader().read()
      const url = `http://127.0.0.1:${new TextDecoder().decode(value).trim()}/v1`
      await own.engram(['add', 'User prefers Neovim'], {
        env: { ENGRAM_EMBEDDING_MODEL: 'openai:embed', ENGRAM_EMBEDDING_BASE_URL: url },
      })
      expect((await own.engram(['embeddings', 'use', 'openai:embed', '--wait'])).code).toBe(0)
      server.kill()
      await server.exited
      const file = join(own.path, 'own.jsonl')
      writeFileSync(file, '{"query": "Which editor is Neovim?", "relevant": ["Neovim"]}\n')
      const gated = await own.engram(['eval', '--queries', file, '--gate'])
      expect(gated.code).toBe(0)
      expect(gated.out).toContain('Measured by words alone: ')
      expect(gated.err).toContain('Not saved as the baseline')
      expect(existsSync(join(own.path, 'own.baseline.json'))).toBe(false)
      const saved = await own.engram(['eval', '--queries', file, '--save', '--json'])
      expect(jsonOf<object>(saved)).toMatchObject({ embedder: null, by_words: 1 })
      expect(existsSync(join(own.path, 'own.baseline.json'))).toBe(true)
    } finally {
      server.kill()
      await own.close()
    }
  })

  test('leaves no receipt and counts no use', async () => {
    const { logs } = await receipts()
    expect(logs).toEqual([])
  })
})

/** What searches have left behind in this home. */
async function receipts(): Promise<{ logs: unknown[] }> {
  const key = readFileSync(join(home.path, 'local.key'), 'utf8').trim()
  const answer = await fetch(`${home.daemon()!.url}/logs?kind=search`, {
    headers: { 'x-engram-key': key },
  })
  return (await answer.json()) as { logs: unknown[] }
}
