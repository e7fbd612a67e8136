import { judgeLiking } from './judge-habits.ts'
import {
  certain,
  isDated,
  type Judgement,
  likely,
  once,
  type Rule,
  type Said,
} from './judgement.ts'
import { baseOfGerund } from './verbs.ts'
import { wordSet } from './word-set.ts'

/** "I can juggle", "I would rather walk", "I must avoid nuts"; a possibility or a courtesy is nothing. */
export function judgeModal(said: Said): Judgement | null {
  return MODALS.get(said.clause.modal ?? '')?.(said) ?? null
}

const MODALS: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['can', judgeAbility],
  ['cannot', judgeInability],
  ['would rather', ({ rest }) => (rest.length > 0 ? certain('preferences') : null)],
  ['would', judgeWishing],
  ['will', judgeResolve],
  ['must', judgeObligation],
  ['should', judgeObligation],
  ['have to', judgeObligation],
  [
    'going to',
    ({ clause, rest, first }) =>
      isDated(rest) ||
      (wordSet('be become marry retire have move').has(clause.lemma) &&
        wordSet('a an my to married twins').has(first))
        ? once(likely('projects'))
        : null,
  ],
])

const SKILLED = wordSet(
  'speak play juggle code program cook bake drive swim dance sing ride knit sew draw paint ski surf sail fly whistle bench deadlift squat yodel weld wiggle',
)
const SKILLED_ALONE = wordSet(
  'juggle code program cook bake drive swim dance sing knit sew draw paint ski surf sail whistle yodel weld',
)
/** "I can see", "I can help": of the moment, or polite. */
const OBLIGING = wordSet(
  `see get find do help use understand make think imagine tell say relate wait believe hear feel try come go send show
  give provide share be have add change take call ask run put confirm reproduce access open move work meet join pick
  bring start stop let handle picture accept enjoy keep`,
)

function judgeAbility(said: Said): Judgement | null {
  const { clause, rest, first } = said
  const { lemma } = clause
  if (clause.negated) return judgeInability(said)
  if (SKILLED.has(lemma))
    return rest.length > 0 || SKILLED_ALONE.has(lemma) ? certain('skills') : null
  const polite =
    clause.adverbs.size > 0 ||
    OBLIGING.has(lemma) ||
    rest.length === 0 ||
    baseOfGerund(first) !== null
  return polite || clause.subject.kind !== 'I' ? null : likely('skills')
}

const UNBEARABLE = wordSet('stand tolerate bear support justify')
const UNABLE = wordSet('eat drink smell digest wear consume participate climb lift sleep live')

function judgeInability({ clause, rest }: Said): Judgement | null {
  const { lemma } = clause
  if (SKILLED_ALONE.has(lemma)) return certain('skills')
  if (UNBEARABLE.has(lemma)) return rest.length > 0 ? certain('preferences') : null
  if (lemma === 'handle') return rest.length > 0 ? likely('preferences') : null
  return UNABLE.has(lemma) && rest.length > 0 ? certain('profile') : null
}

/** "I would prefer", "I'd never eat snails", "I'd love to sail one day" */
function judgeWishing(said: Said): Judgement | null {
  const { clause, rest, first } = said
  if (clause.lemma === 'prefer') {
    return judgeLiking(said) === null || first === 'if' ? null : likely('preferences')
  }
  if (clause.adverbs.has('never')) return certain('preferences')
  const someday = rest.some((piece) => /^(?:someday|day|eventually|future)$/.test(piece.word))
  return /^(?:like|love)$/.test(clause.lemma) && first === 'to' && someday
    ? likely('projects')
    : null
}

const REFUSED = wordSet(
  'eat drink wear use consider watch buy consume read tolerate support work travel fly touch compromise',
)
const PLANNED = wordSet(
  'move marry travel fly visit attend graduate retire leave present host celebrate',
)

function judgeResolve({ clause, rest }: Said): Judgement | null {
  const { lemma } = clause
  if (
    clause.adverbs.has('never') ||
    clause.adverbs.has('only') ||
    (clause.negated && REFUSED.has(lemma))
  ) {
    return lemma === 'forget' ? null : certain('preferences')
  }
  return isDated(rest) && (PLANNED.has(lemma) || lemma === 'be') ? once(likely('projects')) : null
}

function judgeObligation({ clause }: Said): Judgement | null {
  return /^(?:avoid|wear|follow|limit)$/.test(clause.lemma) || clause.adverbs.has('always')
    ? certain('profile')
    : null
}
