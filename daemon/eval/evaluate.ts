import type { Found } from '../../memory/found.ts'
import { judge, judging, type RecallSettings } from '../../memory/judge.ts'
import type { Embedder } from '../../memory/ports.ts'
import { recall } from '../../memory/recall.ts'
import { type Baselines, createBaselines } from './baselines.ts'
import type { Contents, Corpus, EvalSet, Half, Question, UpdatePair } from './corpus.ts'
import { type Figures, measure } from './metrics.ts'
import { randomFrom, shuffled } from './random.ts'
import { type Recorded, recordCorpus } from './recorded.ts'
import type { Rig } from './rig.ts'
import type { CachedDocuments } from './vector-cache.ts'

export const METHODS = ['engram', 'cosine', 'bm25', 'rrf'] as const
export type Method = (typeof METHODS)[number]

/** One question under one method. */
export type Ranked = Readonly<{ figures: Figures; ms: number }>

export type AskedQuestion = Readonly<{
  half: Half
  kind: string
  methods: Readonly<Record<Method, Ranked>>
  /** The engram ranking after the decision what is relevant, cut at 10. */
  admitted: Figures
  handed: Handed
}>

/** What the model would get with the settings of a fresh installation. */
export type Handed = Readonly<{ items: number; relevant: number; sought: number; tokens: number }>

/** A question without an answer here: did nothing come back? */
export type Unanswered = Readonly<{
  half: Half
  sort: 'foreign' | 'everyday' | 'unanswerable'
  /** Nothing passed the decision what is relevant. */
  nothing: boolean
  /** Nothing would be handed over. */
  nothingHanded: boolean
}>

/** Does the updated statement stand above the stale one? */
export type Update = Readonly<{ half: Half } & Record<Method, boolean>>

export type Observed = Readonly<{
  documents: number
  sizeBytes: number
  asked: readonly AskedQuestion[]
  unanswered: readonly Unanswered[]
  updates: readonly Update[]
}>

export type EvalPorts = Readonly<{
  openRig: () => Promise<Rig>
  /** Under test. */
  embedder: Embedder
  documents: CachedDocuments
  /** MiniLM where it runs: the method to compare with. */
  baseline: Embedder
  baselineDocuments: CachedDocuments
  /** Questions that no memory answers, asked of every store. */
  everyday: readonly string[]
  progress: (message: string) => void
  signal: AbortSignal
}>

/** The first ten, whoever said it: what `R@10` is taken from. */
const TEN: RecallSettings = {
  maxItems: 10,
  budgetTokens: Number.POSITIVE_INFINITY,
  threshold: null,
  turns: 'all',
  pinned: false,
  asked: 'prompt',
}

/** Where conversations are ranked by their best turn, ten of them take more turns than ten. */
function deep(set: EvalSet): RecallSettings {
  return set.level === 'conversation' ? { ...TEN, maxItems: 100 } : TEN
}

/** The settings of a fresh installation (`daemon/settings.ts`). */
const FRESH: RecallSettings = {
  maxItems: 5,
  budgetTokens: 800,
  threshold: null,
  turns: 'own',
  pinned: true,
  asked: 'prompt',
}
/** Documents in one temporary store; a set that has more goes through several. */
const STORE_DOCUMENTS = 40_000

/** Stores every corpus of a set and asks its questions, and those that have no answer there. */
export async function observe(set: EvalSet, seed: number, ports: EvalPorts): Promise<Observed> {
  const asked: AskedQuestion[] = []
  const unanswered: Unanswered[] = []
  const updates: Update[] = []
  let documents = 0
  let sizeBytes = 0
  const random = randomFrom(seed)
  let rig = await ports.openRig()
  let inRig = 0
  try {
    for (const [index, corpus] of set.corpora.entries()) {
      ports.signal.throwIfAborted()
      if (inRig > STORE_DOCUMENTS) {
        sizeBytes += rig.sizeBytes()
        await rig.close()
        rig = await ports.openRig()
        inRig = 0
      }
      ports.progress(`${set.name} ${index + 1}/${set.corpora.length}`)
      const contents = await corpus.load()
      const size = sizeOf(contents)
      documents += size
      inRig += size
      const bench = await prepare(set, corpus, contents, random, rig, ports)
      for (const question of corpus.questions) {
        asked.push(await ask(question, corpus.half, bench))
      }
      for (const pair of corpus.updates) updates.push(await compare(pair, corpus.half, bench))
      for (const [sort, questions] of withoutAnswer(set, index, ports.everyday)) {
        for (const question of questions) {
          unanswered.push(await askInVain(question, sort, corpus.half, bench))
        }
      }
    }
    sizeBytes += rig.sizeBytes()
  } finally {
    await rig.close()
  }
  return { documents, sizeBytes, asked, unanswered, updates }
}

function sizeOf({ conversations, memories }: Contents): number {
  return conversations.reduce((sum, { turns }) => sum + turns.length, memories.length)
}

/**
 * Foreign questions are those of the other corpora of the same half, as many as the corpus has of its own and
 * some more where those are few, drawn without regard to the order of storing. In a set of many corpora each
 * is asked a part of the everyday ones.
 */
function* withoutAnswer(
  set: EvalSet,
  index: number,
  everyday: readonly string[],
): Generator<[Unanswered['sort'], readonly string[]]> {
  const corpus = set.corpora[index]!
  const others = set.corpora
    .filter((other) => other.half === corpus.half && other !== corpus)
    .flatMap((other) => other.questions.map(({ text }) => text))
  const share = Math.ceil(ENOUGH / set.corpora.length)
  const wanted = Math.max(corpus.questions.length, Math.min(MIN_FOREIGN, share))
  yield ['foreign', shuffled(others, randomFrom(index)).slice(0, wanted)]
  yield ['everyday', shuffled(everyday, randomFrom(index)).slice(0, share)]
  yield ['unanswerable', corpus.unanswerable]
}

const MIN_FOREIGN = 30
/** Questions of a set after which more of them say nothing new. */
const ENOUGH = 2_000

/** A corpus that is ready to be asked. */
type Bench = Readonly<{
  set: EvalSet
  recorded: Recorded
  baselines: Baselines
  /** In the order of the baselines' places. */
  labels: readonly string[]
  search: Rig['index']['search']
  ports: EvalPorts
}>

async function prepare(
  set: EvalSet,
  corpus: Corpus,
  contents: Contents,
  random: () => number,
  { store, index, warm, embedAll }: Rig,
  ports: EvalPorts,
): Promise<Bench> {
  const recorded = await recordCorpus(store, corpus.id, contents, random)
  await embedAll(ports.documents)
  const { texts, labels } = plainDocuments(set, contents)
  const vectors = await ports.baselineDocuments.embedDocuments(texts)
  const tieOrder = shuffled([...texts.keys()], random)
  await warm(recorded.scope)
  return {
    set,
    recorded,
    baselines: createBaselines(texts, vectors, tieOrder),
    labels,
    search: index.search,
    ports,
  }
}

/** Each document's text alone; labelled by its conversation where those are ranked. */
function plainDocuments(set: EvalSet, { conversations, memories }: Contents) {
  const turns = conversations.flatMap(({ id, turns }) =>
    turns.map((turn) => ({
      text: turn.text,
      label: set.level === 'conversation' ? id : turn.id,
    })),
  )
  const all = [...turns, ...memories.map(({ id, text }) => ({ text, label: id }))]
  return { texts: all.map(({ text }) => text), labels: all.map(({ label }) => label) }
}

async function ask(question: Question, half: Half, bench: Bench): Promise<AskedQuestion> {
  const { relevant } = question
  const ranked = await rank(question.text, question.askedAt, bench)
  const { found } = ranked
  const admitted = judge(question.text, found, deep(bench.set), false).items
  const handed = judge(question.text, found, FRESH, false)
  const handedLabels = labelsOf(handed.items, bench)
  return {
    half,
    kind: question.kind,
    methods: Object.fromEntries(
      METHODS.map((method) => [
        method,
        {
          figures: measure(ranked.rankings[method], relevant),
          ms: ranked.ms[method],
        },
      ]),
    ) as Record<Method, Ranked>,
    admitted: measure(labelsOf(admitted, bench), relevant),
    handed: {
      items: handedLabels.length,
      relevant: handedLabels.filter((label) => relevant.has(label)).length,
      sought: relevant.size,
      tokens: handed.tokens,
    },
  }
}

async function compare(
  { question, askedAt, stale, updated }: UpdatePair,
  half: Half,
  bench: Bench,
): Promise<Update> {
  const { rankings } = await rank(question, askedAt, bench)
  const placeOf = (ranking: readonly string[], labels: ReadonlySet<string>) => {
    const place = ranking.findIndex((label) => labels.has(label))
    return place < 0 ? Number.POSITIVE_INFINITY : place
  }
  const verdicts = METHODS.map((method) => [
    method,
    placeOf(rankings[method], updated) < placeOf(rankings[method], stale),
  ])
  return { half, ...(Object.fromEntries(verdicts) as Record<Method, boolean>) }
}

async function askInVain(
  text: string,
  sort: Unanswered['sort'],
  half: Half,
  bench: Bench,
): Promise<Unanswered> {
  const { found } = await recallOnce(text, null, bench)
  return {
    half,
    sort,
    nothing: judge(text, found, TEN, false).items.length === 0,
    nothingHanded: judge(text, found, FRESH, false).items.length === 0,
  }
}

/** The product's own recall, with what the index found. */
async function recallOnce(text: string, askedAt: number | null, bench: Bench) {
  const { recorded, search, ports } = bench
  let found: Found | null = null
  const started = performance.now()
  const recalled = await recall(
    { scope: recorded.scope, text, conversationId: null },
    TEN,
    {
      embedder: ports.embedder,
      index: judging(async (scope, query) => {
        found = await search(scope, query)
        return found
      }),
      now: () => askedAt ?? Date.now(),
    },
    ports.signal,
  )
  return { recalled, found: found!, ms: performance.now() - started }
}

async function rank(text: string, askedAt: number | null, bench: Bench) {
  const { found, ms } = await recallOnce(text, askedAt, bench)
  const { baselines, labels, ports } = bench
  const embedding = performance.now()
  const vector = await ports.baseline.embedQuery(text)
  const near = baselines.cosine(vector)
  const wording = performance.now()
  const worded = baselines.bm25(text)
  const fusing = performance.now()
  const fused = baselines.rrf([near, worded])
  const ended = performance.now()
  const named = (places: readonly number[]) => unique(places.map((place) => labels[place]!))
  return {
    found,
    rankings: {
      engram: unique(engramRanking(found, bench)),
      cosine: named(near),
      bm25: named(worded),
      rrf: named(fused),
    },
    ms: {
      engram: ms,
      cosine: wording - embedding,
      bm25: fusing - wording,
      rrf: ended - embedding,
    } satisfies Record<Method, number>,
  }
}

/** Everything found, best first, whether it is relevant or not. */
function engramRanking(found: Found, bench: Bench): string[] {
  const all = [
    ...found.memories.map(({ memory, fused }) => ({ id: memory.id, fused })),
    ...found.turns.map(({ turn, fused }) => ({ id: turn.id, fused })),
  ]
  return labelsOf(
    all.sort((a, b) => b.fused - a.fused),
    bench,
  )
}

function labelsOf(items: readonly Readonly<{ id: string }>[], { set, recorded }: Bench): string[] {
  const names = set.level === 'conversation' ? recorded.conversationOf : recorded.labelOf
  return unique(items.map(({ id }) => names.get(id)!))
}

function unique(labels: readonly string[]): string[] {
  return [...new Set(labels)]
}
