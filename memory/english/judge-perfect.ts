import { categoryOf, isEnough, LIKINGS_BY_VERB } from './judge-habits.ts'
import { LIFE_EVENTS, LONG_ACTIVITIES, PASTS, TURNS } from './judge-turns.ts'
import { certain, isLong, type Judgement, likely, type Said } from './judgement.ts'
import { wordSet } from './word-set.ts'

/** "I've been playing the piano for ten years" */
export function judgePerfectProgress(said: Said): Judgement | null {
  const { clause, rest } = said
  if (PASSING_ACTIVITIES.has(clause.lemma)) return null
  if (isLong(rest)) return certain(categoryOf(said))
  return LONG_ACTIVITIES.has(clause.lemma) ? likely(categoryOf(said)) : null
}

const PASSING_ACTIVITIES = wordSet(
  'keep think wonder try look have get feel say mean hope plan wait ask deal struggle want',
)
const LONG_STATES = wordSet('live work have own know run write publish play visit travel be')
const LASTING_BEEN = wordSet(
  'a an married vegan vegetarian sober single diagnosed retired together with in living divorced',
)

/** "I've lived in Rome since 2015", "I've never smoked" */
export function judgePerfect(said: Said): Judgement | null {
  const { clause, rest, first } = said
  const { lemma } = clause
  if (lemma === 'be') {
    if (first === 'to') return rest[1]?.capital === true ? likely('profile') : null
    return LASTING_BEEN.has(first) && (isLong(rest) || first === 'diagnosed')
      ? certain('profile')
      : null
  }
  if (clause.adverbs.has('always') || clause.adverbs.has('never')) {
    return isEnough(said) ? likely(LIKINGS_BY_VERB.has(lemma) ? 'preferences' : 'profile') : null
  }
  if (clause.negated) return null
  const turn = TURNS.get(lemma) ?? PASTS.get(lemma)
  if (turn !== undefined && lemma !== 'have') return turn(said)
  if (isLong(rest) && LONG_ACTIVITIES.has(lemma)) return certain(categoryOf(said))
  if (LONG_STATES.has(lemma) && isLong(rest)) return certain('profile')
  return LIFE_EVENTS.has(lemma) || lemma === 'develop' ? certain('profile') : null
}
