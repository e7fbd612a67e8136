import { type JudgedCandidate, toBlockItem } from '../../memory/judge.ts'
import type { Recalled } from '../../memory/recall.ts'
import { renderBlock, textsOfBlock } from '../../memory/render.ts'
import type { Insertion } from '../../providers/splice.ts'
import type { Asked } from '../../providers/wire.ts'
import type { FoundAnchor, NewAnchor } from '../../storage/anchors.ts'
import type { Dialogue, Place } from './dialogue.ts'
import type { Inquiry } from './inquiry.ts'
import type { Prepared } from './prepare.ts'
import { type Injected, NOTHING_INJECTED } from './record.ts'

export type Injection = Readonly<{
  insertions: readonly Insertion[]
  injected: Injected
  /** As prepared; what stood in the conversation already is marked. */
  prepared: Prepared
}>

/** An anchor's last use is noted this seldom: it costs a write. */
const NOTE_USE_MS = 24 * 60 * 60 * 1000

/**
 * Where which text goes into a request, so that the conversation that the provider sees only ever grows: what
 * was put into earlier turns goes back to where it stood, and what was recalled now goes into the newest one.
 */
export function inject(
  asked: Asked,
  dialogue: Dialogue,
  inquiry: Inquiry,
  prepared: Prepared,
  placement: 'turn' | 'system',
  now: number,
): Injection {
  if (placement === 'system' && asked.toSystem) return intoSystem(asked.toSystem, prepared)
  const { open, places } = dialogue
  const anchors = new Map(prepared.anchors.map((anchor) => [nameOf(anchor), anchor]))
  const anchorOf = (place: Place) => anchors.get(nameOf(place))
  const earlier = places.flatMap((place) => {
    const anchor = place === open ? undefined : anchorOf(place)
    return anchor && canHold(place) ? [{ place, anchor }] : []
  })
  const contents = earlier.flatMap(({ anchor }) => textsOfBlock(anchor.block))
  const replayed = earlier.flatMap(({ place, anchor }) =>
    place.slot!.insert(anchor.block, anchor.form),
  )
  const used = earlier.map(({ anchor }) => anchor)
  const own =
    open && canHold(open) ? openTurn(open, anchorOf(open), contents, inquiry, prepared) : null
  const all = own?.replayed ? [...used, own.replayed] : used
  return {
    insertions: [...replayed, ...(own?.insertions ?? [])],
    injected: {
      memoryIds: own?.memoryIds ?? [],
      contents: [...contents, ...(own?.contents ?? [])],
      anchor: own?.anchor ?? null,
      usedAnchors: all.filter(({ usedAt }) => now - usedAt > NOTE_USE_MS).map(({ seq }) => seq),
    },
    prepared: own?.prepared ?? prepared,
  }
}

type OpenTurn = Readonly<{
  insertions: readonly Insertion[]
  memoryIds: readonly string[]
  contents: readonly string[]
  anchor: NewAnchor | null
  replayed: FoundAnchor | null
  prepared: Prepared
}>

/** The turn that nobody has answered: what was recalled for it, or, when that failed, what it had before. */
function openTurn(
  open: Place,
  before: FoundAnchor | undefined,
  earlier: readonly string[],
  inquiry: Inquiry,
  prepared: Prepared,
): OpenTurn | null {
  const slot = open.slot!
  const { recalled } = prepared
  if (!recalled?.done) {
    // A side call may begin as a conversation did, but is none.
    if (!before || recalled === null) return null
    return {
      insertions: slot.insert(before.block, before.form),
      memoryIds: [],
      contents: textsOfBlock(before.block),
      anchor: null,
      replayed: before,
      prepared,
    }
  }
  const marked = markKnown(recalled.value, new Set(earlier))
  const { items } = marked
  const block = renderBlock(items.map(toBlockItem))
  const keepsAnchor = inquiry.anchored !== null && (block !== '' || before !== undefined)
  return {
    insertions: block === '' ? [] : slot.insert(block, slot.form),
    memoryIds: memoryIdsOf(items),
    contents: items.map(({ content }) => content),
    anchor: keepsAnchor
      ? {
          provider: inquiry.vendor,
          prefixHash: open.prefixHash,
          block,
          form: slot.form,
          itemIds: items.map(({ id }) => id),
        }
      : null,
    replayed: null,
    prepared: { ...prepared, recalled: { done: true, value: marked } },
  }
}

function intoSystem(toSystem: NonNullable<Asked['toSystem']>, prepared: Prepared): Injection {
  const items = prepared.recalled?.done ? prepared.recalled.value.items : []
  if (items.length === 0) return { insertions: [], injected: NOTHING_INJECTED, prepared }
  return {
    insertions: toSystem(renderBlock(items.map(toBlockItem))),
    injected: {
      ...NOTHING_INJECTED,
      memoryIds: memoryIdsOf(items),
      contents: items.map(({ content }) => content),
    },
    prepared,
  }
}

/** What an earlier turn of the request says already is not said twice. */
function markKnown(recalled: Recalled, known: ReadonlySet<string>): Recalled {
  if (known.size === 0) return recalled
  const mark = (candidate: JudgedCandidate): JudgedCandidate =>
    candidate.admitted && known.has(candidate.content)
      ? { ...candidate, admitted: false, reason: 'in the conversation already' }
      : candidate
  return {
    ...recalled,
    items: recalled.items.filter(({ content }) => !known.has(content)),
    candidates: recalled.candidates.map(mark),
  }
}

export function memoryIdsOf(items: readonly JudgedCandidate[]): string[] {
  return items.filter(({ kind }) => kind === 'memory').map(({ id }) => id)
}

function canHold({ slot, hasBlock }: Place): boolean {
  return slot !== null && !hasBlock
}

function nameOf({ prefixHash }: Pick<Place, 'prefixHash'>): string {
  return Buffer.from(prefixHash).toString('latin1')
}
