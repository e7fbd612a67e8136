import { isEnough, judgeHaving } from './judge-habits.ts'
import {
  before,
  byLemma,
  certain,
  change,
  isDated,
  isTimeNoun,
  type Judgement,
  likely,
  mentions,
  type Rule,
  type Said,
} from './judgement.ts'
import { ANIMALS, isPerson, ONLY_ONES, PASSING_THINGS, singular } from './lexicon.ts'
import type { Token } from './tokens.ts'
import { baseOfGerund } from './verbs.ts'
import { wordSet } from './word-set.ts'

export const LIFE_EVENTS = wordSet(
  'graduate marry divorce adopt found serve enlist immigrate emigrate retire inherit publish earn enroll major minor',
)
const STRETCHES_OF_LIFE = wordSet(
  'live work study play teach run own drive attend visit travel write go spend build win',
)

/** What changed a life, not what happened at lunch. */
export function judgePast(said: Said): Judgement | null {
  const { clause, rest } = said
  if (clause.negated)
    return clause.adverbs.has('never') && isEnough(said) ? likely('profile') : null
  const turn = TURNS.get(clause.lemma) ?? PASTS.get(clause.lemma)
  if (turn !== undefined) return turn(said)
  if (LIFE_EVENTS.has(clause.lemma)) return isEnough(said) ? certain('profile') : null
  return STRETCHES_OF_LIFE.has(clause.lemma) && isPartOfLife(rest) ? likely('profile') : null
}

const PHASES = wordSet('years decade decades months childhood college university school abroad')

/** A stretch or a year makes a past state part of a life. */
export function isPartOfLife(rest: readonly Token[]): boolean {
  return rest.some((piece, i) => {
    if (/^(?:19|20)\d\d$/.test(piece.word) || PHASES.has(piece.word)) return true
    return piece.word === 'year' && /^(?:last|a|one|past)$/.test(rest[i - 1]?.word ?? '')
  })
}

const LOST = wordSet('job house leg arm hearing sight vision')
const BONES = wordSet('leg arm ankle wrist foot collarbone hip nose')

export const PASTS: ReadonlyMap<string, Rule> = byLemma({
  have: judgeHaving,
  grow: before('up', certain('profile')),
  study: ({ rest }) =>
    rest.length > 1 && rest.some((piece) => piece.capital || isTimeNoun(piece.word))
      ? certain('profile')
      : null,
  turn: ({ rest }) => (rest[0]?.kind === 'number' ? certain('profile') : null),
  become: ({ first }) =>
    /^(?:a|an|the|vegan|vegetarian|pregnant|disabled|deaf|blind|religious)$/.test(first)
      ? change('profile')
      : null,
  'decide choose': judgeDeciding,
  lose: ({ rest, first, second }) =>
    rest[0]?.kind === 'number' ||
    (first === 'my' && (LOST.has(second) || rest.some((piece) => isPerson(piece.word))))
      ? certain('profile')
      : null,
  break: ({ first, second }) => (first === 'up' || BONES.has(second) ? likely('profile') : null),
  'name call': before('my our the', certain('profile')),
  meet: ({ rest, first }) =>
    first === 'my' && rest.some((piece) => ONLY_ONES.has(piece.word)) ? certain('profile') : null,
  learn: ({ rest, first }) =>
    first === 'to' || first === 'how' || rest[0]?.capital === true ? certain('skills') : null,
})

function judgeDeciding({ clause, rest, first }: Said): Judgement | null {
  if (clause.lemma === 'choose') return rest.length > 0 ? likely('projects') : null
  return /^(?:to|on|against|not)$/.test(first) ? likely('projects') : null
}

export const WHERETO = wordSet('to from into in out back away abroad across')
const WHAT_PLACE = wordSet('a the my to in from our abroad into with')
const SWITCHED = wordSet('to from over my our jobs careers')
const LEFT_MY = wordSet('job company position husband wife band church')
const LEFT_THE = wordSet('company army military church band')
const CALLS = wordSet('call meeting zoom chat')
const CHANGED_MY = wordSet('name career major job diet pronouns phone surname last')
const BOUGHT = wordSet(
  'house apartment flat condo car truck van motorcycle boat farm business company home tesla bike piano guitar laptop macbook cabin land',
)
export const GOT_STATE = wordSet(
  'married divorced engaged promoted fired laid diagnosed pregnant hired certified tenure',
)
const GOT_THING = wordSet(
  'job promotion degree phd masters diploma tattoo citizenship visa license licence car scholarship baby',
)
const VENTURES = wordSet(
  `job business company startup band blog podcast channel career phd degree masters course family diet university college
  school club shop store studio project newsletter nonprofit farm position role program learn play`,
)
const PURSUITS = wordSet('university college school yoga piano guitar therapy crossfit running')

/** Turning points: what was true before is true no more. */
export const TURNS: ReadonlyMap<string, Rule> = byLemma({
  'move relocate transfer': ({ rest, first, second }) => {
    if (isHandling(rest)) return null
    if (/^(?:my|our)$/.test(first)) {
      return rest.some((piece) => piece.word === 'from' || piece.word === 'to') &&
        rest.some((piece) => piece.capital)
        ? change('projects')
        : null
    }
    if (!WHERETO.has(first)) return null
    return rest[1]?.capital === true ||
      WHAT_PLACE.has(second) ||
      isDated(rest) ||
      first === 'abroad'
      ? change('profile')
      : null
  },
  'switch migrate convert upgrade': ({ rest, first }) =>
    SWITCHED.has(first) && !isHandling(rest) ? change('preferences') : null,
  'replace swap': ({ rest }) =>
    rest.some((piece) => /^(?:with|by|for)$/.test(piece.word)) &&
    (rest[0]?.capital === true ||
      rest[0]?.kind === 'opaque' ||
      /^(?:my|our)$/.test(rest[0]?.word ?? '')) &&
    !isHandling(rest)
      ? change('preferences')
      : null,
  give: ({ first, second }) =>
    first === 'up' && second !== ''
      ? change('preferences')
      : first === 'birth'
        ? certain('profile')
        : null,
  quit: ({ rest }) => (rest.length > 0 ? change('preferences') : null),
  stop: ({ first }) => (baseOfGerund(first) !== null ? change('preferences') : null),
  leave: ({ rest, first, second }) =>
    rest[0]?.capital === true ||
    (first === 'my' && LEFT_MY.has(second)) ||
    (first === 'the' && LEFT_THE.has(second))
      ? change('profile')
      : null,
  join: ({ rest, first, second }) =>
    (rest[0]?.capital === true || /^(?:a|an|the|my)$/.test(first)) && !CALLS.has(second)
      ? change('profile')
      : null,
  change: ({ first, second }) =>
    first === 'jobs' || first === 'careers' || (first === 'my' && CHANGED_MY.has(second))
      ? change('profile')
      : null,
  'start begin launch': ({ rest, first, second }) => {
    const activity = baseOfGerund(first)
    if (activity !== null) return LONG_ACTIVITIES.has(activity) ? change('profile') : null
    if (first === 'at' || first === 'as') return second === '' ? null : change('profile')
    if (/^(?:a|an|my|our|to)$/.test(first))
      return mentions(rest, VENTURES, 6) ? change('projects') : null
    return PURSUITS.has(first) ? change('profile') : null
  },
  'buy sell': ({ rest }) => (mentions(rest, BOUGHT) ? change('profile') : null),
  drop: before('out', certain('profile')),
  get: ({ rest, first }) => {
    if (GOT_STATE.has(first)) return change('profile')
    if (!/^(?:a|an|my|two|three|another|our|the)$/.test(first)) return null
    return rest
      .slice(0, 5)
      .some((piece) => GOT_THING.has(piece.word) || ANIMALS.has(singular(piece.word)))
      ? change('profile')
      : null
  },
})

/** Files and variables are moved and replaced too. */
function isHandling(rest: readonly Token[]): boolean {
  return rest.some((piece) => PASSING_THINGS.has(piece.word) || /\.\w{1,4}$/.test(piece.word))
}

/** What one does for months once it has begun. */
export const LONG_ACTIVITIES = wordSet(
  `work live study learn play teach practice practise build develop write use code program run train volunteer coach
  drive date collect paint sing dance ride climb garden meditate ski surf swim save eat vape smoke`,
)
