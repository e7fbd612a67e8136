import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAssets } from '../assets.ts'
import {
  BEAM,
  type DataFolder,
  LOCOMO,
  LONGMEMEVAL,
  PERSONAS,
  PREFEVAL,
  writeData,
} from './fixtures/published.ts'
import { type EvalReport, runEval } from './run.ts'

setDefaultTimeout(120_000)

const cacheDir = mkdtempSync(join(tmpdir(), 'engram-eval-cache-'))
let data: DataFolder
/** Of everything, as the tests below look at it. */
let report: EvalReport

beforeAll(async () => {
  data = writeData({
    'locomo/x.json': LOCOMO,
    'beam-1/1.json': BEAM,
    'beam-1/2.json': { ...BEAM, id: 'other' },
    'prefeval/a.json': PREFEVAL[0],
    'prefeval/b.json': PREFEVAL[1],
    'msc-personas/p.json': PERSONAS,
    'longmemeval/s.json': LONGMEMEVAL,
    'unknown/x.json': [],
  })
  report = await measureData()
})
afterAll(() => {
  data.remove()
  rmSync(cacheDir, { recursive: true, force: true })
})

async function measureData(more: Partial<Parameters<typeof runEval>[0]> = {}): Promise<EvalReport> {
  return runEval({
    dir: data.path,
    sets: null,
    embedder: 'static',
    seed: 1,
    assets: await openAssets(cacheDir),
    cacheDir,
    everyday: ['Convert 72 F to C', 'explain quicksort'],
    progress: () => {},
    signal: new AbortController().signal,
    ...more,
  })
}

/** Without what depends on the machine and on what ran before. */
function figuresOf(report: EvalReport) {
  return JSON.parse(
    JSON.stringify({ sets: report.sets, newest_first: report.newest_first }, (key, value) =>
      key.startsWith('ms_') || key === 'bytes_per_memory' ? undefined : value,
    ),
  )
}

describe('a measurement', () => {
  test('has every set under its name, and every method in it', () => {
    expect(Object.keys(report.sets)).toEqual([
      'beam-1',
      'locomo-turns',
      'locomo-sessions',
      'locomo-facts',
      'longmemeval',
      'longmemeval-turns',
      'longmemeval-pooled',
      'prefeval',
    ])
    expect(report.skipped).toEqual(['unknown'])
    const facts = report.sets['locomo-facts']!
    for (const method of ['engram', 'cosine', 'bm25', 'rrf'] as const) {
      expect(Object.keys(facts[method])).toEqual([
        'r1',
        'r5',
        'r10',
        'recall_all5',
        'recall_all10',
        'mrr',
        'ndcg10',
        'ms_p50',
        'ms_p95',
      ])
    }
    expect(facts).toMatchObject({ corpora: 4, documents: 8, questions: 8, level: 'document' })
    // Two facts a store: all are among the first five.
    expect(facts.engram).toMatchObject({ r5: 100, r10: 100 })
    expect(facts.halves).toMatchObject({ dev: { engram: {} }, held_out: { engram: {} } })
    expect(facts.kinds).toMatchObject({
      'single-hop': { questions: 4 },
      temporal: { questions: 4 },
    })
    expect(facts.bytes_per_memory).toBeGreaterThan(0)
    expect(report.sets.longmemeval).toMatchObject({ corpora: 3, questions: 2 })
    expect(report.versions.engram).toMatch(/^\d/)
  })

  test('says who ranks the updated statement above the stale one', () => {
    expect(report.newest_first).toMatchObject({
      engram: 100,
      pairs: 2,
      halves: { dev: { pairs: 1 } },
    })
  })

  test('says what questions without an answer get', () => {
    const { admission } = report.sets['locomo-facts']!
    expect(admission.everyday_nothing).toBe(100)
    expect(admission.foreign_nothing).toBeGreaterThanOrEqual(0)
    expect(admission.r10_admitted).toBeLessThanOrEqual(admission.r10_found)
    expect(admission.handed.items).toBeGreaterThan(0)
    expect(admission.handed.precision).toBeGreaterThan(0)
  })

  test('is the same again with the same seed', async () => {
    const second = await measureData()
    expect(figuresOf(second)).toEqual(figuresOf(report))
    // And the second one made no vector that the first one had.
    expect(second.vectors.made).toBe(0)
    expect(second.vectors.read).toBeGreaterThan(0)
  })

  test('does not depend on the order of storing', async () => {
    const other = await measureData({ seed: 2 })
    for (const [name, set] of Object.entries(report.sets)) {
      expect(other.sets[name]!.engram.r10).toBeCloseTo(set.engram.r10, 5)
      expect(other.sets[name]!.engram.mrr).toBeCloseTo(set.engram.mrr, 5)
      expect(other.sets[name]!.cosine.mrr).toBeCloseTo(set.cosine.mrr, 5)
    }
  })

  test('leaves nothing behind but the vectors', async () => {
    const before = new Set(
      new Bun.Glob('engram-eval-*').scanSync({ cwd: tmpdir(), onlyFiles: false }),
    )
    await measureData({ sets: ['locomo-facts'] })
    const after = [...new Bun.Glob('engram-eval-*').scanSync({ cwd: tmpdir(), onlyFiles: false })]
    expect(after.filter((name) => !before.has(name))).toEqual([])
  })
})

test('a set that is not in the data is an error that names those that are', async () => {
  await expect(measureData({ sets: ['locomo'] })).rejects.toMatchObject({
    code: 'not_found',
    message: expect.stringContaining('no set locomo'),
    fix: expect.stringContaining('locomo-turns'),
  })
})

test('is stopped when it is no longer wanted', async () => {
  const stopped = AbortSignal.abort(new Error('no longer wanted'))
  await expect(measureData({ signal: stopped })).rejects.toThrow('no longer wanted')
})
