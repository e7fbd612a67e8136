import { describe, expect, test } from 'bun:test'
import { type Dated, newestFirst } from './newest-first.ts'
import { queryTerms } from './words.ts'

const DAY = 86_400_000

function dated(text: string, day: number, fused: number, more: Partial<Dated> = {}): Dated {
  return {
    text,
    role: 'user',
    saidAt: day * DAY,
    validFrom: null,
    conversation: `conversation of day ${day}`,
    place: 0,
    slot: null,
    kind: 'turn',
    fused,
    ...more,
  }
}

function order(question: string, documents: readonly Dated[]) {
  const weights = new Map(queryTerms(question).map((term) => [term, 1]))
  const ranked = documents.toSorted((a, b) => b.fused - a.fused)
  return newestFirst(ranked, question, weights)
}

const texts = (ordered: ReturnType<typeof order>) => ordered.map(({ document }) => document.text)

const OLD = 'I agreed on a grocery budget of $500 a month'
const NEW = 'We raised the grocery budget to $550 a month, what can I cook?'

describe('a later statement of the same value', () => {
  const question = 'What is my monthly grocery budget?'

  test('comes first, and says that it was lifted', () => {
    const ordered = order(question, [dated(OLD, 1, 2), dated(NEW, 9, 1.2)])
    expect(texts(ordered)).toEqual([NEW, OLD])
    expect(ordered.map(({ isLifted }) => isLifted)).toEqual([true, false])
    // Whoever sorts by score finds the same order.
    expect(ordered[0]!.fused).toBeGreaterThan(ordered[1]!.fused)
  })

  test('stands as it is when it is first already', () => {
    const ordered = order(question, [dated(OLD, 1, 1.2), dated(NEW, 9, 2)])
    expect(texts(ordered)).toEqual([NEW, OLD])
    expect(ordered.some(({ isLifted }) => isLifted)).toBe(false)
  })

  test.each(['grocery budget', 'Can you remind me what my grocery budget is?'])(
    'is asked for in other ways too: %s',
    (asked) => {
      expect(texts(order(asked, [dated(OLD, 1, 2), dated(NEW, 9, 1.2)]))[0]).toBe(NEW)
    },
  )

  test('of several the latest comes first', () => {
    const third = 'The grocery budget was raised again, to $600 a month'
    const ordered = order(question, [dated(OLD, 1, 2), dated(NEW, 5, 1.4), dated(third, 9, 1.3)])
    expect(texts(ordered)).toEqual([third, NEW, OLD])
  })

  test.each([
    ['looks back', 'What was my monthly grocery budget?', {}],
    ['asks for no value', 'How do I keep my monthly grocery budget?', {}],
  ])('does not, when the question %s', (_, asked) => {
    expect(texts(order(asked, [dated(OLD, 1, 2), dated(NEW, 9, 1.2)]))).toEqual([OLD, NEW])
  })

  test.each<[string, Dated]>([
    ['scores far lower', dated(NEW, 9, 0.8)],
    ['is earlier', dated(NEW, 0, 1.2)],
    ['is the assistant’s', dated(NEW, 9, 1.2, { role: 'assistant' })],
    ['states the same value', dated('The grocery budget is now $500 a month', 9, 1.2)],
    ['states another kind of value', dated('I go to the grocery on May 4', 9, 1.2)],
    ['is about something else', dated('I pay $80 for the gym', 9, 1.2)],
    [
      'stands directly beside it',
      dated(NEW, 2, 1.2, { conversation: 'conversation of day 1', place: 1_000 }),
    ],
  ])('does not, when it %s', (_, other) => {
    expect(texts(order(question, [dated(OLD, 1, 2), other]))[0]).toBe(OLD)
  })

  test('counts must be of the same thing', () => {
    const asked = 'How many sources are in my library?'
    const had = dated('My library has 45 sources, tagged by theme', 1, 2)
    const more = dated('I added 52 sources to the library', 9, 1.5)
    const pages = dated('The library is open on 7 days', 9, 1.5)
    expect(texts(order(asked, [had, more]))[0]).toBe(more.text)
    expect(texts(order(asked, [had, pages]))[0]).toBe(had.text)
  })

  test('a change without its value counts too', () => {
    const asked = 'When is the webinar on beekeeping?'
    const had = dated('The webinar on beekeeping is on March 20', 1, 2)
    const moved = dated('What day was the webinar on beekeeping rescheduled to?', 9, 1.5)
    expect(texts(order(asked, [had, moved]))[0]).toBe(moved.text)
  })
})

describe('which of two is the later one', () => {
  const lives = (text: string, day: number, validFrom: number | null) =>
    dated(text, day, text.includes('Lisbon') ? 2 : 1.5, {
      kind: 'memory',
      slot: 'user home',
      validFrom: validFrom === null ? null : validFrom * DAY,
    })
  const first = (...documents: Dated[]) => texts(order('Where do I live?', documents))[0]

  test('goes by when they began to hold, where both say so', () => {
    const before = lives('User lives in Lisbon', 20, 5)
    expect(first(before, lives('User lives in Porto', 10, 9))).toBe('User lives in Porto')
    expect(first(before, lives('User lives in Porto', 30, 4))).toBe('User lives in Lisbon')
  })

  test('else by when they were said', () => {
    const before = lives('User lives in Lisbon', 20, null)
    expect(first(before, lives('User moved to Porto in June', 30, 2))).toBe(
      'User moved to Porto in June',
    )
    expect(first(before, lives('User moved to Porto in June', 10, 9))).toBe('User lives in Lisbon')
  })
})

describe('memories', () => {
  const memory = (text: string, day: number, fused: number, slot: string | null = null) =>
    dated(text, day, fused, { kind: 'memory', conversation: null, slot })

  test('that say the same but for one part: the newer first', () => {
    const ordered = order('Which editor do I use?', [
      memory('User writes code in Vim', 1, 2),
      memory('User writes code in Zed', 9, 1.5),
    ])
    expect(texts(ordered)).toEqual(['User writes code in Zed', 'User writes code in Vim'])
    expect(
      texts(
        order(
          'write my code',
          ordered.map(({ document }) => document),
        ),
      ),
    ).toEqual(texts(ordered))
    expect(ordered.every(({ replacedBy }) => replacedBy === null)).toBe(true)
  })

  test('that give one attribute two values: the newer first, the older one no longer holds', () => {
    const [old, now] = [
      memory('User lives in Berlin', 1, 2, 'user home'),
      memory('User lives in Munich', 9, 1.1, 'user home'),
    ]
    const ordered = order('Where do I live?', [old, now, memory('User has a cat', 5, 1.8)])
    expect(texts(ordered)).toEqual([
      'User lives in Munich',
      'User lives in Berlin',
      'User has a cat',
    ])
    expect(ordered[1]!.replacedBy).toBe(now)
  })

  test('that no longer hold do hold for a question about earlier', () => {
    const ordered = order('Where did I live before?', [
      memory('User lives in Berlin', 1, 2, 'user home'),
      memory('User lives in Munich', 9, 1.1, 'user home'),
    ])
    expect(ordered.every(({ replacedBy }) => replacedBy === null)).toBe(true)
  })

  test('of the same time stand as they are', () => {
    const ordered = order('Where do I live?', [
      memory('User lives in Berlin', 1, 2, 'user home'),
      memory('User lives in Munich', 1, 1.1, 'user home'),
    ])
    expect(texts(ordered)).toEqual(['User lives in Berlin', 'User lives in Munich'])
    expect(ordered[1]!.replacedBy).toBeNull()
  })
})

test('nothing is lost, and nothing comes twice', () => {
  const documents = Array.from({ length: 30 }, (_, i) =>
    dated(`The budget is now $${i} for item ${i % 7}`, (i * 7) % 30, 3 - i / 20, {
      slot: i % 5 === 0 ? 'user budget' : null,
    }),
  )
  const ordered = order('What is my budget?', documents)
  expect(texts(ordered).toSorted()).toEqual(documents.map(({ text }) => text).toSorted())
  const scores = ordered.map(({ fused }) => fused)
  expect(scores).toEqual(scores.toSorted((a, b) => b - a))
})
