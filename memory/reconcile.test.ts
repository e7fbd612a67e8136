import { describe, expect, test } from 'bun:test'
import type { Candidate, Memory } from './memory.ts'
import { type Decision, type KnownMemory, reconcile, reconcileAll } from './reconcile.ts'
import { slotOf } from './slots.ts'

function candidate(content: string, more: Partial<Candidate> = {}): Candidate {
  return {
    content,
    category: 'general',
    confidence: 0.8,
    origin: 'user',
    turnId: 'turn_1',
    quote: content,
    slot: slotOf(content)?.slot ?? null,
    replaces: false,
    validFrom: null,
    expiresAt: null,
    ...more,
  }
}

function known(id: string, content: string, more: Partial<KnownMemory> = {}): KnownMemory {
  const memory: Memory = {
    id,
    userId: 'usr_1',
    namespace: 'default',
    content,
    category: 'general',
    status: 'approved',
    pinned: false,
    confidence: 0.8,
    source: 'extraction',
    origin: 'user',
    validFrom: null,
    validTo: null,
    supersededBy: null,
    expiresAt: null,
    evidence: { conversationId: null, turnId: null, quote: null },
    metadata: {},
    accessCount: 0,
    lastAccessedAt: null,
    lastConfirmedAt: null,
    createdAt: 0,
    updatedAt: 0,
  }
  return { ...memory, similarity: null, ...more }
}

const changed = { replaces: true } as const

/** The decision in one line: "add approved", "discard a", "update a b", "conflict a". */
function brief(decision: Decision): string {
  switch (decision.kind) {
    case 'add':
      return `add ${decision.status}`
    case 'discard':
      return `discard ${decision.of}`
    case 'update':
      return `update ${decision.supersedes.join(' ')}`
    case 'conflict':
      return `conflict ${decision.with}`
  }
}

type Row = readonly [
  title: string,
  candidate: Candidate,
  known: readonly KnownMemory[],
  decision: string,
]

const ROWS: readonly Row[] = [
  ['what is new is added', candidate('User likes tea'), [], 'add approved'],
  [
    'what is near is added',
    candidate('User likes tea'),
    [known('a', 'User likes green tea', { similarity: 0.97 })],
    'add approved',
  ],
  ['a repetition confirms', candidate('User likes tea'), [known('a', 'I like tea.')], 'discard a'],
  [
    'a repetition of what is pending confirms',
    candidate('User likes tea'),
    [known('a', 'User likes tea', { status: 'pending' })],
    'discard a',
  ],
  [
    'of two twins the approved one is confirmed',
    candidate('User likes tea'),
    [known('a', 'User likes tea', { status: 'pending' }), known('b', 'User likes tea')],
    'discard b',
  ],
  [
    'the same value of a slot confirms',
    candidate('User is called Sam'),
    [known('a', "The user's name is Sam")],
    'discard a',
  ],
  [
    'what was rejected waits for review',
    candidate('User likes tea'),
    [known('a', 'User likes tea', { status: 'rejected' })],
    'add pending',
  ],
  [
    'a rejected value of a slot waits for review',
    candidate('User lives in Rome'),
    [known('a', 'User lives in Rome', { status: 'rejected' }), known('b', 'User lives in Paris')],
    'add pending',
  ],
  [
    'a rejected memory does not stand in the way of another value',
    candidate('User lives in Rome'),
    [known('a', 'User lives in Paris', { status: 'rejected' })],
    'add approved',
  ],
  [
    'what was superseded may come back',
    candidate('User likes tea'),
    [known('a', 'User likes tea', { status: 'superseded' })],
    'add approved',
  ],
  [
    'a superseded value comes back in place of the newer one',
    candidate('User lives in Berlin'),
    [
      known('a', 'User lives in Berlin', { status: 'superseded' }),
      known('b', 'User lives in Paris'),
    ],
    'update b',
  ],
  [
    'a new value supersedes the old one',
    candidate('User lives in Paris'),
    [known('a', 'User lives in Berlin')],
    'update a',
  ],
  [
    'a move supersedes the old home',
    candidate('User moved to Paris', changed),
    [known('a', 'User lives in Berlin')],
    'update a',
  ],
  [
    'every old value goes',
    candidate('User lives in Paris'),
    [known('a', 'User lives in Berlin'), known('b', 'User lives in Rome', { status: 'pending' })],
    'update a b',
  ],
  [
    'one more value supersedes nothing',
    candidate('User works at Acme', { slot: null }),
    [known('a', 'User works at Globex')],
    'add approved',
  ],
  [
    'names of several people stand together',
    candidate("User's brother is called Ben"),
    [known('a', "User's brother is called Tom")],
    'add approved',
  ],
  [
    'a pinned memory stays',
    candidate('User lives in Paris'),
    [known('a', 'User lives in Berlin', { pinned: true })],
    'conflict a',
  ],
  [
    'a memory written by hand gives way to a newer word of the same person',
    candidate('User lives in Paris', changed),
    [known('a', 'User lives in Berlin', { source: 'manual' })],
    'update a',
  ],
  [
    'what a document said and somebody approved is not dropped in passing',
    candidate('User lives in Paris'),
    [known('a', 'User lives in Berlin', { origin: 'document' })],
    'conflict a',
  ],
  [
    'but it is when the user marks a change',
    candidate('User lives in Paris', changed),
    [known('a', 'User lives in Berlin', { origin: 'document' })],
    'update a',
  ],
  [
    '"no longer" ends it',
    candidate('User no longer uses Vim', changed),
    [known('a', 'User uses Vim as their main editor')],
    'update a',
  ],
  [
    '"not … anymore" ends it',
    candidate('User does not eat meat anymore', changed),
    [known('a', 'User eats meat')],
    'update a',
  ],
  [
    '"stopped" ends it',
    candidate('User stopped smoking', changed),
    [known('a', 'User smokes')],
    'update a',
  ],
  [
    '"gave up" ends nothing that it does not name',
    candidate('User gave up coffee', changed),
    [known('a', 'User drinks tea')],
    'add approved',
  ],
  [
    'a switch ends what was left',
    candidate('User switched from npm to Bun', changed),
    [known('a', 'User uses npm')],
    'update a',
  ],
  [
    'a switch ends nothing else about it',
    candidate('User switched from npm to Bun', changed),
    [known('a', 'User publishes packages on npm')],
    'add approved',
  ],
  [
    'a replacement ends what was replaced',
    candidate('User replaced Redis with Postgres', changed),
    [known('a', 'User uses Redis')],
    'update a',
  ],
  [
    'a correction exchanges a name',
    candidate("User's sister is called Nadine", changed),
    [known('a', "User's sister is called Nadia")],
    'update a',
  ],
  [
    'a correction exchanges a number',
    candidate('User has 3 cats at home', changed),
    [known('a', 'User has 2 cats at home')],
    'update a',
  ],
  [
    'a correction that could mean two adds',
    candidate("User's brother is called Tim", changed),
    [known('a', "User's brother is called Tom"), known('b', "User's brother is called Ben")],
    'add approved',
  ],
  [
    'without a mark of change a name is one more',
    candidate("User's sister is called Nadine"),
    [known('a', "User's sister is called Nadia")],
    'add approved',
  ],
  [
    '"speaks" alone is no frame',
    candidate('User speaks Dutch', changed),
    [known('a', 'User speaks French')],
    'add approved',
  ],
  [
    'the opposite is a conflict',
    candidate('User does not like sushi'),
    [known('a', 'User likes sushi')],
    'conflict a',
  ],
  [
    'hate against love is a conflict',
    candidate('User hates sushi'),
    [known('a', 'User loves sushi')],
    'conflict a',
  ],
  [
    'the opposite with a mark of change is an update',
    candidate('User does not like sushi', changed),
    [known('a', 'User likes sushi')],
    'update a',
  ],
  [
    'what the assistant said waits',
    candidate('User likes tea', { origin: 'assistant' }),
    [],
    'add pending',
  ],
  [
    'what a document said never updates',
    candidate('User lives in Paris', { origin: 'document', replaces: true }),
    [known('a', 'User lives in Berlin')],
    'add pending',
  ],
  [
    'what the assistant repeats is known',
    candidate('User likes tea', { origin: 'assistant' }),
    [known('a', 'User likes tea')],
    'discard a',
  ],
  [
    'the user’s own words take the place of a pending claim',
    candidate('User likes tea'),
    [known('a', 'User likes tea', { status: 'pending', origin: 'assistant' })],
    'update a',
  ],
  [
    'a noted slot counts for more than the words',
    candidate('Utilisatrice habite à Lyon', { slot: 'user home' }),
    [known('a', 'Utilisatrice habite à Nice', { metadata: { slot: 'user home' } })],
    'update a',
  ],
  [
    'a memory noted as without a slot has none',
    candidate('User works at Acme'),
    [known('a', 'User works at Globex', { metadata: { slot: null } })],
    'add approved',
  ],
]

describe('reconcile', () => {
  test.each(ROWS.map((row) => [...row] as const))('%s', (_, found, memories, decision) => {
    expect(brief(reconcile(found, memories))).toBe(decision)
  })

  test('gives a reason for every decision', () => {
    for (const [, found, memories] of ROWS) expect(reconcile(found, memories).reason).not.toBe('')
  })

  test('never decides by similarity', () => {
    for (const [, found, memories, decision] of ROWS) {
      for (const similarity of [0, 0.5, 0.999, null]) {
        const shifted = memories.map((memory) => ({ ...memory, similarity }))
        expect(brief(reconcile(found, shifted))).toBe(decision)
      }
    }
  })

  test('extraction never supersedes what is pinned', () => {
    for (const [, found, memories] of ROWS) {
      const decision = reconcile(
        found,
        memories.map((memory) => ({ ...memory, pinned: true, status: 'approved' as const })),
      )
      expect(decision.kind).not.toBe('update')
    }
  })
})

describe('reconcileAll', () => {
  /** What is kept, and the decision about it. */
  const decide = (
    candidates: readonly Candidate[],
    memories: readonly KnownMemory[] = [],
  ): string[] =>
    reconcileAll(candidates, () => memories).map(
      ({ candidate: { content, origin }, decision }) =>
        `${content}${origin === 'user' ? '' : ` (${origin})`}: ${brief(decision)}`,
    )

  test('says one thing once', () => {
    expect(decide([candidate('User likes tea'), candidate('I like tea')])).toEqual([
      'User likes tea: add approved',
    ])
  })

  test('keeps the later of two values', () => {
    expect(
      decide([
        candidate('User lives in Rome'),
        candidate('User likes tea'),
        candidate('User moved to Paris', changed),
      ]),
    ).toEqual(['User likes tea: add approved', 'User moved to Paris: add approved'])
  })

  test('the later value supersedes what the earlier one would have', () => {
    expect(
      decide(
        [candidate('User lives in Rome'), candidate('User lives in Paris')],
        [known('a', 'User lives in Berlin')],
      ),
    ).toEqual(['User lives in Paris: update a'])
  })

  test('a correction takes the place of what it corrects, and of what that would have superseded', () => {
    expect(
      decide(
        [
          candidate("User's dog is called Max", changed),
          candidate("User's dog is called Rex", changed),
        ],
        [known('a', "User's dog is called Mox")],
      ),
    ).toEqual(["User's dog is called Rex: update a"])
  })

  test('a memory is superseded once', () => {
    expect(
      decide(
        [
          candidate('User no longer uses Vim', changed),
          candidate('User switched from Vim to Zed', changed),
        ],
        [known('a', 'User uses Vim')],
      ),
    ).toEqual(['User no longer uses Vim: update a', 'User switched from Vim to Zed: add approved'])
  })

  test('the user’s own words take the place of somebody else’s', () => {
    const own = candidate('User likes tea')
    const theirs = candidate('User likes tea', { origin: 'assistant' })
    expect(decide([theirs, own])).toEqual(['User likes tea: add approved'])
    expect(decide([own, theirs])).toEqual(['User likes tea: add approved'])
  })

  test('what somebody else said replaces nothing', () => {
    expect(
      decide([
        candidate('User lives in Rome'),
        candidate('User lives in Paris', { origin: 'document' }),
      ]),
    ).toEqual(['User lives in Rome: add approved', 'User lives in Paris (document): add pending'])
  })
})
