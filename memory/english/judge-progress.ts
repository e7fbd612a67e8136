import { GOT_STATE, WHERETO } from './judge-turns.ts'
import {
  before,
  byLemma,
  certain,
  isDated,
  type Judgement,
  likely,
  mentions,
  once,
  POINTERS,
  type Rule,
  type Said,
} from './judgement.ts'
import { KNOWABLE, PASSING_THINGS } from './lexicon.ts'
import { wordSet } from './word-set.ts'

/** "I'm building", "I'm getting married": what goes on for weeks; all else in this form is of the moment. */
export function judgeProgress(said: Said): Judgement | null {
  return PROGRESS.get(said.clause.lemma)?.(said) ?? null
}

const WORKING_AS = wordSet(
  'at for as in from with part-time full-time remotely nights towards toward',
)
const SMALL_WORKS = wordSet(
  'email letter list table sentence paragraph reply class component following poem report program method query',
)
const STUDIES = wordSet(
  'phd masters internship residency apprenticeship degree bootcamp doctorate mba postdoc',
)
const GETTING = wordSet('dog puppy cat kitten phd masters degree tattoo divorce mba surgery')
const EXPECTED = wordSet('baby child twins girl boy son daughter')
const SELF_IMPROVEMENT = wordSet(
  'lose quit eat learn save become conceive get cut reduce stop grow',
)
const COURSES = wordSet('classes lessons course medication insulin antidepressants')

const PROGRESS: ReadonlyMap<string, Rule> = byLemma({
  work: (said) => {
    const { first, second } = said
    if (first === 'on') return judgeWorkingOn(said)
    return WORKING_AS.has(first) && !POINTERS.has(second) ? certain('profile') : null
  },
  'live reside rent': ({ rest }) => (rest.length > 0 ? certain('profile') : null),
  'study major': ({ rest }) => (rest.length > 0 ? certain('skills') : null),
  learn: ({ first }) => (/^(?:|how|about|that)$/.test(first) ? null : certain('skills')),
  train: before('for to as', certain('projects')),
  'build develop design write create make': ({ rest, first }) => {
    const head = rest[0]
    if (head === undefined || mentions(rest, PASSING_THINGS, 6) || mentions(rest, SMALL_WORKS, 6))
      return null
    return /^(?:a|an|my|our|the|two|some|furniture|music|games)$/.test(first) ||
      head.capital ||
      head.kind === 'opaque'
      ? certain('projects')
      : null
  },
  get: ({ first, second }) =>
    GOT_STATE.has(first) && first !== 'fired'
      ? once(certain('projects'))
      : GETTING.has(second)
        ? likely('projects')
        : null,
  expect: ({ rest }) => (mentions(rest, EXPECTED) ? certain('profile') : null),
  move: ({ rest, first }) =>
    WHERETO.has(first) && (isDated(rest) || rest[1]?.capital === true)
      ? once(certain('profile'))
      : null,
  'raise recover date retire': ({ rest }) => (rest.length > 0 ? certain('profile') : null),
  'run start launch lead manage teach maintain': ({ rest, first }) =>
    (isDated(rest) && !WHEN.has(first)) ||
    (/^(?:a|an|my|our|the)$/.test(first) && !mentions(rest, PASSING_THINGS))
      ? likely('projects')
      : null,
  prepare: before('for', likely('projects')),
  turn: ({ rest }) => (rest[0]?.kind === 'number' ? once(likely('profile')) : null),
  'migrate switch': before('to from our my', likely('projects')),
  save: before('for up', certain('projects')),
  plan: before('to a on our my', likely('projects')),
  use: ({ clause, rest, first }) => {
    const named = rest[0]?.capital === true || rest[0]?.kind === 'opaque' || KNOWABLE.has(first)
    return named || (clause.subject.kind === 'we' && /^\w+$/.test(first) && !ARTICLES.has(first))
      ? likely('projects')
      : null
  },
  try: ({ rest, first, second }) =>
    first === 'to' && SELF_IMPROVEMENT.has(second) && !mentions(rest, PASSING_THINGS)
      ? likely('projects')
      : null,
  take: ({ rest, first }) =>
    mentions(rest, COURSES)
      ? likely('profile')
      : first === 'my' && isDated(rest)
        ? once(likely('projects'))
        : null,
  do: ({ second }) => (STUDIES.has(second) ? certain('profile') : null),
  'travel fly visit go attend host leave have present speak meet': ({ rest }) =>
    isDated(rest) ? once(likely('projects')) : null,
})

const ARTICLES = wordSet('a an the some any my our')
const WHEN = wordSet('in on at next this soon tomorrow today')

function judgeWorkingOn({ rest, second }: Said): Judgement | null {
  if (second === '' || POINTERS.has(second) || mentions(rest, PASSING_THINGS)) return null
  return rest.length > 2 || rest[1]!.capital ? certain('projects') : likely('projects')
}
