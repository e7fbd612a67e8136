import {
  afterDegree,
  DEFINITE_ROLE,
  judgeTrait,
  PASSING_NOUNS,
  STAGE_OF_LIFE,
} from './judge-being.ts'
import { isEnough, isSteady, judgeHaving, REMARKABLE } from './judge-habits.ts'
import { isPartOfLife, TURNS } from './judge-turns.ts'
import {
  certain,
  isDated,
  isLong,
  type Judgement,
  likely,
  once,
  POINTERS,
  phraseOf,
  type Said,
  saidAbout,
} from './judgement.ts'
import {
  GROUPS,
  isPerson,
  PASSING_THINGS,
  PASSING_TIMES,
  singular,
  THINGS,
  TRAITS,
} from './lexicon.ts'
import { wordSet } from './word-set.ts'

/** What is said of somebody or something of the speaker's: "my sister", "our API", "my favourite colour". */
export function judgeOthers(said: Said): Judgement | null {
  const { head } = said.clause.subject
  if (PASSING_THINGS.has(head) || PASSING_TIMES.has(head)) return null
  if (isFavourite(said)) return judgeFavourite(said)
  return isPerson(head) || GROUPS.has(head) ? judgePerson(said) : judgeThing(said)
}

const FAVOURED = wordSet(
  'favorite favorites favourite favourites preferred go-to default usual main least biggest primary',
)

function isFavourite({ clause: { tokens, subject } }: Said): boolean {
  return tokens.slice(subject.from, subject.to).some((piece) => FAVOURED.has(piece.word))
}

function judgeFavourite({ clause, rest, first, second }: Said): Judgement | null {
  if (rest.length === 0 || POINTERS.has(first) || isWas(clause)) return null
  if (first === 'the' && REMARKABLE.has(second)) return null // "the second one"
  return clause.form === 'be' || clause.form === 'passive' || clause.form === 'progressive'
    ? certain('preferences')
    : null
}

const isWas = ({ tokens, finite }: Said['clause']): boolean =>
  /^(?:was|were)$/.test(tokens[finite]!.word)

// People, animals, groups

const PERSON_PASSIVES = wordSet(
  'call name bear raise marry train diagnose know adopt base retire bury own run',
)
const UNDERTAKINGS = wordSet('study live work train learn get expect retire move turn')
/** What people say and want is of the moment: "my friend says he likes jazz". */
const SPEECH = wordSet(
  `say tell think ask claim believe mention insist suggest recommend hope feel mean know see hear want find explain
  argue need try keep get call look seem show give send bring start stop leave forget remember wonder agree wait`,
)
const TURNS_OF_LIFE = wordSet(
  'die raise immigrate emigrate divorce marry graduate retire found serve abandon',
)
const SKILLED = wordSet(
  'speak play juggle code cook bake drive swim dance sing ride knit sew draw paint ski surf fly eat drink',
)

function judgePerson(said: Said): Judgement | null {
  const { clause, rest, first, second } = said
  const { lemma } = clause
  if (clause.modal !== null) {
    return /^can(?:not)?$/.test(clause.modal) && SKILLED.has(lemma) ? likely('profile') : null
  }
  switch (clause.form) {
    case 'be':
      return judgePersonBeing(said)
    case 'passive':
      return PERSON_PASSIVES.has(lemma) ? certain('profile') : null
    case 'used-to':
      return certain('profile')
    case 'progressive':
      if (!UNDERTAKINGS.has(lemma) || POINTERS.has(first)) return null
      if (lemma === 'get' && !/^(?:married|divorced)$/.test(first)) return null
      if (lemma === 'work' && !/^(?:at|for|as|in)$/.test(first)) return null
      return isDated(rest) ? once(certain('profile')) : certain('profile')
    case 'present':
      if (lemma === 'have') return judgeHaving(said)
      if (lemma === 'come') return first === 'from' ? certain('profile') : null
      if (SPEECH.has(lemma) || !isEnough(said)) return null
      return isSteady(lemma) ? certain('profile') : likely('profile')
    case 'past':
      if (clause.negated) return null
      if (lemma === 'have') return judgeHaving(said)
      if (lemma === 'pass') return first === 'away' ? certain('profile') : null
      if (lemma === 'bring') return second === 'up' ? certain('profile') : null
      if (TURNS_OF_LIFE.has(lemma)) return certain('profile')
      if (TURNS.has(lemma)) return TURNS.get(lemma)!(said)
      return /^(?:work|live)$/.test(lemma) || (isPartOfLife(rest) && isEnough(said))
        ? likely('profile')
        : null
    case 'perfect':
    case 'perfect-progressive':
      return isLong(rest) ? likely('profile') : null
  }
}

const SPELLED_NUMBERS = wordSet(
  `one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
  nineteen twenty thirty forty fifty sixty seventy eighty`,
)
const PERSON_TRAITS = wordSet(
  'dead deceased supportive strict wealthy famous expecting doctors teachers lawyers nurses farmers immigrants twins',
)
const NO_AGE = wordSet('minutes hours days')

function judgePersonBeing({ clause, rest }: Said): Judgement | null {
  const said = saidAbout(clause, rest.slice(afterDegree(rest)))
  const { first, second } = said
  const head = said.rest[0]
  if (head === undefined) return null
  const past = isWas(clause)
  if (first === 'a' || first === 'an') {
    if (PASSING_NOUNS.has(second)) return null
    return past ? likely('profile') : certain('profile')
  }
  if (head.kind === 'number' || SPELLED_NUMBERS.has(first))
    return NO_AGE.has(second) ? null : certain('profile')
  if (first === 'from' || first === 'my' || first === 'our') return certain('profile')
  if (first === 'the') return DEFINITE_ROLE.test(phraseOf(said.rest, 1)) ? certain('profile') : null
  if (first === 'in') return STAGE_OF_LIFE.test(phraseOf(said.rest, 1)) ? certain('profile') : null
  if (head.capital && !past) return certain('profile')
  if (TRAITS.has(first)) return judgeTrait(said)
  if (PERSON_TRAITS.has(first)) return certain('profile')
  return clause.subject.plural && /s$/.test(first) && said.rest.length <= 4
    ? likely('profile')
    : null
}

// Things

const NAMING = wordSet(
  'name nickname surname username handle birthday birthdate age pronouns timezone hometown',
)
const NO_VALUE = wordSet(
  'irrelevant important secret private confidential misspelled long short wrong hard',
)
const WHERE = wordSet('in on at out off under behind near')
const EVENTS = wordSet(
  'birthday anniversary wedding flight trip vacation holiday honeymoon appointment surgery exam interview deadline launch graduation move',
)
const YEARLY = wordSet('birthday anniversary')
const TECHNICAL = wordSet(
  `api app application website site backend back-end frontend front-end server servers cluster pipeline infrastructure
  infra platform service services stack database db repo repository repositories codebase monorepo package library
  framework ci editor ide shell terminal os system machine setup workflow`,
)
const UNDERTAKING = wordSet(
  'project projects side-project product company startup business thesis novel book deadline',
)
const AIMS = wordSet('goal goals dream dreams ambition ambitions')
const TASTES = wordSet('preference preferences style taste tastes rule policy')
const PURSUITS = wordSet('hobby hobbies passion passions job dream goal')
const THING_PASSIVES = wordSet(
  'write base host build make call name deploy own found run paint set dye bear do store organize organise',
)
const TECHNICAL_VERBS = wordSet(
  'run use live deploy depend target store support rely sit consist sell make serve talk connect listen write read have',
)
const NO_THING_VERBS = wordSet(
  'crash fail return throw hang break freeze show give look seem keep say need want suck stop start take get load tell',
)
/** How a thing is just now. */
const CONDITION =
  /^(?:down|slow|broken|gone|missing|late|empty|full|ready|done|dead|back|up|killing|sore|being|getting|acting|still|cold|wrong|dirty|too|open|closed|fine|ok|okay)\b/

function judgeThing(said: Said): Judgement | null {
  const { clause, rest, first } = said
  const { head } = clause.subject
  if (clause.modal !== null || rest.length === 0 || POINTERS.has(first)) return null
  const technical = TECHNICAL.has(head) || TECHNICAL.has(singular(head))
  const project = technical || UNDERTAKING.has(head)
  const known = technical || THINGS.has(head) || THINGS.has(singular(head))
  switch (clause.form) {
    case 'be':
    case 'passive':
      if (NAMING.has(head)) return clause.negated || NO_VALUE.has(first) ? null : certain('profile')
      if (EVENTS.has(head)) return judgeEvent(said)
      if (isWas(clause)) return null
      if (!known) return isDescribed(said) ? likely('profile') : null
      if (clause.form === 'passive' && !THING_PASSIVES.has(clause.lemma)) return null
      if (WHERE.has(first) && !rest.some((piece) => piece.capital)) return null // "in the shop"
      if (clause.form === 'be' && CONDITION.test(phraseOf(rest, afterDegree(rest)))) return null
      if (AIMS.has(head)) return likely('projects')
      return certain(TASTES.has(head) ? 'preferences' : project ? 'projects' : 'profile')
    case 'present':
      if (project)
        return TECHNICAL_VERBS.has(clause.lemma) && !clause.negated ? certain('projects') : null
      return known && !clause.negated && !NO_THING_VERBS.has(clause.lemma)
        ? likely('profile')
        : null
    case 'progressive':
      return PURSUITS.has(head) ? certain('profile') : null
    default:
      return null
  }
}

/** "my flight is on 12 March"; a birthday comes back, a flight does not. */
function judgeEvent({ clause, rest }: Said): Judgement | null {
  if (!isDated(rest)) return null
  return YEARLY.has(clause.subject.head) ? certain('profile') : once(certain('projects'))
}

function isDescribed({ clause, rest, first }: Said): boolean {
  return (
    clause.form === 'be' &&
    (first === 'a' || first === 'an' || rest[0]!.kind === 'number' || TRAITS.has(first))
  )
}
