import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { defaultEmbedderName, type EmbedderName } from '../../embed/open.ts'
import { EngramError } from '../../memory/errors.ts'
import type { Embedder } from '../../memory/ports.ts'
import type { Assets } from '../assets.ts'
import { VERSION } from '../version.ts'
import type { Half } from './corpus.ts'
import { type Observed, observe, type Update } from './evaluate.ts'
import { EVERYDAY_QUESTIONS } from './everyday.ts'
import { findSets } from './forms/forms.ts'
import { type NewestFirst, reportNewestFirst, reportSet, type SetReport } from './report.ts'
import { openBuiltIn, openRig } from './rig.ts'
import { type CachedDocuments, cacheDocuments } from './vector-cache.ts'

export type EvalOptions = Readonly<{
  /** A folder with a folder for each set. */
  dir: string
  /** Names of sets; null for all. */
  sets: readonly string[] | null
  /** The default of this platform unless said. */
  embedder?: EmbedderName | undefined
  /** Decides the order in which memories are stored, and that of equal scores of the baselines. */
  seed: number
  assets: Assets
  /** Vectors of documents are kept here. */
  cacheDir: string
  /** By default `EVERYDAY_QUESTIONS`. */
  everyday?: readonly string[]
  progress: (message: string) => void
  signal: AbortSignal
}>

export type EvalReport = Readonly<{
  sets: Readonly<Record<string, SetReport>>
  newest_first: (NewestFirst & Readonly<{ halves: Partial<Record<Half, NewestFirst>> }>) | null
  embedder: string
  baseline: Readonly<{ cosine: string; bm25: string; rrf: string }>
  seed: number
  skipped: readonly string[]
  /** Vectors of documents that an earlier run had made, and that this one made. */
  vectors: Readonly<{ read: number; made: number }>
  versions: Readonly<{ engram: string; commit: string; bun: string }>
  machine: string
  seconds: number
}>

/**
 * Measures recall on public data, without a language model: the same data, seed and build give the same
 * figures, milliseconds aside.
 *
 * @throws EngramError `not_found`, `invalid` about the data; `unavailable` about an embedder
 */
export async function runEval(options: EvalOptions): Promise<EvalReport> {
  const started = performance.now()
  const found = findSets(options.dir)
  const sets = options.sets === null ? found.sets : named(options.sets, found.sets)
  const { assets, cacheDir } = options
  const opened: Embedder[] = []
  const open = async (name: EmbedderName) => {
    const embedder = await openBuiltIn(name, assets)
    opened.push(embedder)
    return embedder
  }
  try {
    const byDefault = assets.onnxAddon === null ? 'static' : defaultEmbedderName(process)
    const name = options.embedder ?? byDefault
    const embedder = await open(name)
    const baseline = name === byDefault ? embedder : await open(byDefault)
    const folder = join(cacheDir, 'eval')
    const documents = cacheDocuments(embedder, folder)
    const baselineDocuments = baseline === embedder ? documents : cacheDocuments(baseline, folder)
    const observed: Observed[] = []
    for (const set of sets) {
      observed.push(
        await observe(set, options.seed, {
          openRig: () => openRig(assets, embedder),
          embedder,
          documents,
          baseline,
          baselineDocuments,
          everyday: options.everyday ?? EVERYDAY_QUESTIONS,
          progress: options.progress,
          signal: options.signal,
        }),
      )
      documents.save()
      baselineDocuments.save()
    }
    return {
      sets: Object.fromEntries(sets.map((set, i) => [set.name, reportSet(set, observed[i]!)])),
      newest_first: newestFirst(observed.flatMap(({ updates }) => updates)),
      embedder: embedder.model.fingerprint,
      baseline: {
        cosine: baseline.model.fingerprint,
        bm25: 'Porter stems, stop words out of the question, k1 1.2, b 0.75',
        rrf: 'the two above, 200 each, k 60',
      },
      seed: options.seed,
      skipped: found.skipped,
      vectors: used(documents === baselineDocuments ? [documents] : [documents, baselineDocuments]),
      versions: { engram: VERSION.version, commit: VERSION.commit, bun: Bun.version },
      machine: machine(),
      seconds: Math.round((performance.now() - started) / 1_000),
    }
  } finally {
    for (const embedder of opened) await embedder.close()
  }
}

function named<Set extends Readonly<{ name: string }>>(
  names: readonly string[],
  sets: readonly Set[],
): Set[] {
  return names.map((name) => {
    const set = sets.find((one) => one.name === name)
    if (set) return set
    throw new EngramError('not_found', `there is no set ${name} in the data`, {
      fix: `--sets ${sets.map((one) => one.name).join(',')}`,
    })
  })
}

function newestFirst(updates: readonly Update[]): EvalReport['newest_first'] {
  const all = reportNewestFirst(updates)
  if (all === null) return null
  const halves = (['dev', 'held_out'] as const).flatMap((half) => {
    const report = reportNewestFirst(updates.filter((update) => update.half === half))
    return report === null ? [] : [[half, report] as const]
  })
  return { ...all, halves: Object.fromEntries(halves) }
}

function used(caches: readonly CachedDocuments[]): EvalReport['vectors'] {
  return {
    read: caches.reduce((sum, { use }) => sum + use.read, 0),
    made: caches.reduce((sum, { use }) => sum + use.made, 0),
  }
}

function machine(): string {
  const [cpu] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memory} GB, ${process.platform}-${process.arch}`
}
