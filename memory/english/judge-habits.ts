import type { Category } from '../memory.ts'
import type { Clause } from './clause.ts'
import {
  before,
  byLemma,
  certain,
  isDated,
  type Judgement,
  likely,
  mentions,
  once,
  type Rule,
  type Said,
} from './judgement.ts'
import {
  isPerson,
  KNOWABLE,
  LASTING_POSSESSIONS,
  PASSING_POSSESSIONS,
  PASSING_THINGS,
  PASSING_TIMES,
} from './lexicon.ts'
import { baseOfGerund } from './verbs.ts'
import { wordSet } from './word-set.ts'

/** "I prefer", "I have", "I work": the present tells of habits and states; of the moment one says "I'm …ing". */
export function judgeHabit(said: Said): Judgement | null {
  return (HABITS.get(said.clause.lemma) ?? judgeAnyHabit)(said)
}

const LIKING_VERBS =
  'prefer like love enjoy adore hate dislike detest despise loathe abhor favor favour fancy avoid prioritize prioritise refuse dread crave distrust oppose disapprove collect'
export const LIKINGS_BY_VERB = wordSet(LIKING_VERBS)

const HABITS: ReadonlyMap<string, Rule> = byLemma({
  [LIKING_VERBS]: judgeLiking,
  'value admire': ({ rest }) => (rest.length > 0 ? likely('preferences') : null),
  appreciate: ({ first }) =>
    first === '' || /^(?:the|all|any|how|everything)$/.test(first) ? null : likely('preferences'),
  stay: ({ first }) =>
    first === 'away' || first === 'clear'
      ? certain('preferences')
      : first === 'in' || first === 'with'
        ? likely('profile')
        : null,
  stick: before('to', certain('preferences')),
  'lean gravitate insist': before('to on toward towards', certain('preferences')),
  care: before('about for deeply', likely('preferences')),
  miss: before('my the our being living working having', likely('profile')),
  'tend struggle': before('to with toward towards', certain('preferences')),
  try: before('to', likely('preferences')),
  believe: before('in', certain('preferences')),
  find: judgeFinding,
  feel: before('comfortable strongly', likely('preferences')),
  have: judgeHaving,
  know: judgeKnowing,
  want: judgeWanting,
  'plan intend aim': before('to on', likely('projects')),
  need: ({ first, second }) =>
    (first === 'to' && second === 'avoid') || NEEDED_FOR_LIFE.has(first === 'a' ? second : first)
      ? certain('profile')
      : null,
  come: ({ first, second }) => (first === 'from' && second !== '' ? certain('profile') : null),
  go: judgeGoing,
  get: ({ clause, first, second }) =>
    GETS.has(first) ||
    (clause.adverbs.has('usually') && first === 'up') ||
    (first === 'very' && GETS.has(second))
      ? likely('profile')
      : null,
  do: ({ first }) => (first === '' || NOT_DONE.has(first) ? null : likely('profile')),
  'take make create give post stock win': judgeMaking,
  // Of the moment, or of the conversation
  [`guess see mean hope wish wonder think understand agree disagree suppose promise thank apologize bet hear look say
  tell ask notice realize remember forget doubt assume imagine expect recommend suggest swear require request seem
  appear let admit accept confirm copy paste click encounter receive face hit mention reckon figure call send
  attach quote bring add remove change fix check open close press type select choose pass return delete stand
  suspect respect deserve trust regret forgive pray lose show leave start stop begin finish turn end rerun`]:
    judgeOnlyAlways,
  keep: (said) => (LIVESTOCK.has(said.first) ? certain('profile') : judgeOnlyAlways(said)),
  run: (said) =>
    mentions(said.rest, PASSING_THINGS) || said.first === 'into' ? null : judgeAnyHabit(said),
  // Their past looks like their present: "I set up a server" happened once.
  'put set cut hurt beat quit shut spread split cast burst': judgeOnlyAlways,
  read: (said) =>
    said.clause.adverbs.has('recently') ||
    said.clause.adverbs.has('already') ||
    said.first === 'a' ||
    said.rest[0]?.kind === 'opaque'
      ? null
      : judgeAnyHabit(said),
})

const LIVESTOCK = wordSet(
  'bees chickens hens ducks geese goats sheep horses pigs pigeons rabbits cattle cows alpacas fish snakes reptiles',
)
const NEEDED_FOR_LIFE = wordSet('glasses wheelchair insulin subtitles captions')
const GETS = wordSet(
  'carsick seasick migraine migraines nervous anxious up along overwhelmed hives headaches uncomfortable',
)
const NOT_DONE = wordSet('it this that these those the some so what not my')

const ALWAYS = wordSet('always never usually only rarely')
const saysAlways = ({ adverbs }: Clause): boolean =>
  [...adverbs].some((adverb) => ALWAYS.has(adverb))

/** "I always check the oven": a habit by its adverb alone. */
function judgeOnlyAlways({ clause, rest }: Said): Judgement | null {
  const adverb =
    clause.adverbs.has('always') || clause.adverbs.has('never') || clause.adverbs.has('usually')
  return adverb && rest.length > 0 && !NO_HABIT.has(clause.lemma) ? certain('preferences') : null
}

const NO_HABIT = wordSet(
  'think see mean hope wish wonder guess know understand hear say tell look forget notice realize imagine expect',
)

/** Verbs that are habits or states whenever they stand in the present. */
const STEADY = wordSet(
  `live reside work own use speak teach study attend manage lead run volunteer commute drive play write code program
  eat drink smoke cook bake read listen watch wear ride coach tutor freelance specialise specialize major minor grow
  raise breed practice practise identify suffer hail deploy host maintain build develop rent belong train exercise
  meditate swim hike jog garden paint draw sing dance knit sew travel vote worship subscribe design sell buy`,
)
const NEEDS_NO_OBJECT = wordSet(
  `smoke drink jog run swim knit paint garden surf ski vape meditate code sing dance juggle snore fish hunt camp hike
  cook bake sew crochet climb skateboard snowboard freelance tutor draw box golf blog drive teach volunteer write`,
)

export function isEnough({ clause, rest }: Said): boolean {
  return rest.some((piece) => piece.kind !== 'mark') || NEEDS_NO_OBJECT.has(clause.lemma)
}

export const isSteady = (lemma: string): boolean => STEADY.has(lemma) || LIKINGS_BY_VERB.has(lemma)

/** The present of any other verb: a habit, since of the moment one says "I'm …ing". */
function judgeAnyHabit(said: Said): Judgement | null {
  if (!isEnough(said)) return null
  const category = categoryOf(said)
  return STEADY.has(said.clause.lemma) || saysAlways(said.clause)
    ? certain(category)
    : likely(category)
}

const BUILDING = wordSet('build develop maintain deploy host')
const LEARNING = wordSet('speak code program know study learn train practice practise')
const INSTRUMENTS = wordSet(
  'the piano guitar violin drums bass cello flute chess oboe clarinet saxophone',
)
const TECHNICAL = wordSet(
  'use run deploy host write ship store build develop maintain manage test release migrate keep log',
)

export function categoryOf({ clause, first }: Said): Category {
  const { lemma } = clause
  if (BUILDING.has(lemma) || (clause.subject.kind === 'we' && TECHNICAL.has(lemma)))
    return 'projects'
  if (LEARNING.has(lemma) || (lemma === 'play' && INSTRUMENTS.has(first))) return 'skills'
  return lemma === 'use' || saysAlways(clause) ? 'preferences' : 'profile'
}

const SENSES = wordSet('know see hear think say ask thank add point')
export const REMARKABLE = wordSet(
  `idea ideas way sound fact result results look first second one ones new answer suggestion suggestions photo picture
  pic colors colours design name vibe vibes energy thought feeling support effort message quote option version last`,
)
/** "I prefer option B" */
const CHOICES = wordSet('option version approach variant choice number answer solution')
const NOTIONS = wordSet('idea thought feeling feel sound')

/** "I love the sea" tells of the speaker, "I love the idea" of what was just said. */
export function judgeLiking({ rest, first, second, third }: Said): Judgement | null {
  if (first === '' || rest[0]!.kind === 'mark') return null
  if (CHOICES.has(first)) return null
  if (first === 'it') return second === 'when' || second === 'if' ? certain('preferences') : null
  if (first === 'the') {
    if (NOTIONS.has(second) && third === 'of') return likely('preferences')
    if (rest.slice(2, 4).some((piece) => CHOICES.has(piece.word) || piece.word === 'one'))
      return null
    return REMARKABLE.has(second) ? null : likely('preferences')
  }
  if (first === 'how' || first === 'all' || first === 'what' || first === 'everything')
    return first === 'all' ? likely('preferences') : null
  return first === 'to' && SENSES.has(second) ? null : certain('preferences')
}

function judgeFinding({ rest, first }: Said): Judgement | null {
  if (first === 'it') {
    const to = rest.findIndex((piece) => piece.word === 'to' || piece.word === 'when')
    return to > 0 && to < 5 ? likely('preferences') : null
  }
  return rest.length > 1 && first !== 'out' && first !== 'that' ? likely('preferences') : null
}

const AILING = wordSet(
  `respiratory health back knee heart mental anger trust sensory digestive hearing vision sleep sleeping mobility
  chronic medical breathing skin stomach joint kidney liver thyroid`,
)
const ENDS_A_NOUN = wordSet(
  'that which who whom because so but to for in at on and since if with about called named coming planned scheduled',
)
const INCLINATIONS = wordSet(
  'aversion preference preferences dislike distaste love passion interest weakness objection bias tendency habit respect',
)
const KNOW_HOW = wordSet('background experience')
const COUNTS = wordSet(
  'a an two three four five six seven many several my no one long short curly brown blue green red blonde black dark',
)
const APPOINTMENTS = wordSet(
  'flight interview appointment surgery wedding exam trip concert reservation',
)
const HAPPENED = wordSet('surgery baby stroke miscarriage transplant')

/** "I have two kids", "I have a phobia of needles"; not "I have a question". */
export function judgeHaving({ clause, rest }: Said): Judgement | null {
  const past = clause.form === 'past'
  const end = rest.findIndex((piece) => piece.kind === 'mark' || ENDS_A_NOUN.has(piece.word))
  const phrase = (end < 0 ? rest : rest.slice(0, end)).slice(0, 8).map((piece) => piece.word)
  const last = phrase.at(-1)
  if (last === undefined || (phrase.length === 1 && last === 'one')) return null
  if (/^(?:issues?|problems?|trouble)$/.test(last) && phrase.some((word) => AILING.has(word)))
    return certain('profile')
  if (!past && phrase.some(isPerson)) return certain('profile')
  const lasting = phrase.find((word) => LASTING_POSSESSIONS.has(word))
  if (lasting !== undefined) {
    const category = KNOW_HOW.has(lasting)
      ? 'skills'
      : INCLINATIONS.has(lasting)
        ? 'preferences'
        : 'profile'
    if (past) return KNOW_HOW.has(lasting) ? null : likely(category)
    return certain(category)
  }
  if (phrase.includes('years') && phrase.includes('experience')) return certain('skills')
  if (past) return HAPPENED.has(last) ? certain('profile') : null
  if (APPOINTMENTS.has(last)) return isDated(rest) ? once(likely('projects')) : null
  if (phrase[0] === 'no' && phrase[1] === 'interest') return certain('preferences')
  const passes = [PASSING_POSSESSIONS, PASSING_THINGS, PASSING_TIMES]
  if (phrase.some((word) => passes.some((words) => words.has(word)))) return null
  const counted = COUNTS.has(phrase[0]!) || rest[0]!.kind === 'number'
  return counted || phrase.length > 1 || /[^s]s$/.test(last) ? likely('profile') : null
}

function judgeKnowing({ clause, rest, first, second }: Said): Judgement | null {
  if (first === 'how' && second === 'to')
    return clause.negated ? likely('skills') : certain('skills')
  if (/^(?:is|are|was|has|can|does|will|should)$/.test(second)) return null // "I know Python is slow"
  if (KNOWABLE.has(first)) return certain('skills')
  if (first === 'a' || first === 'some' || first === 'basic') {
    return rest.slice(1, 5).some((piece) => piece.capital || KNOWABLE.has(piece.word))
      ? certain('skills')
      : null
  }
  const named = rest[0]?.capital === true && first !== 'i'
  return named && rest.length <= 6 ? likely('skills') : null
}

const AMBITIONS = wordSet(
  'be become move learn retire travel visit own adopt start open buy marry have run write go get lose live study work quit raise',
)
const WORRIES = wordSet('miss risk lose forget sound waste overwhelm be make get do go spend')
const NO_AMBITION = wordSet('sure able this that it clear know')

function judgeWanting({ clause, rest, first, second }: Said): Judgement | null {
  const someday = rest.some(
    (piece, i) => piece.word === 'someday' || (piece.word === 'one' && rest[i + 1]?.word === 'day'),
  )
  if (first !== 'to') return someday ? likely('projects') : null
  if (clause.negated || clause.adverbs.has('only'))
    return second === '' || WORRIES.has(second) ? null : likely('preferences')
  return AMBITIONS.has(second) && !mentions(rest, NO_AMBITION) ? likely('projects') : null
}

const REGULARLY = wordSet(
  'every once twice weekly daily week weekends sundays often year summer summers school college church university gym mondays fridays saturdays day days',
)

function judgeGoing({ clause, rest, first, second }: Said): Judgement | null {
  if (first === 'by') return second === '' ? null : certain('profile')
  if (baseOfGerund(first) !== null) return likely('profile')
  const regular = clause.adverbs.size > 0 || mentions(rest, REGULARLY)
  return regular && (first === 'to' || first === 'on' || first === 'for') ? likely('profile') : null
}

const ONE_OF_MANY = wordSet('a an the this that it')

/** "I make candles", "I take long walks": of many things it is a habit, of one it is not. */
function judgeMaking(said: Said): Judgement | null {
  const { rest, first } = said
  if (saysAlways(said.clause)) return judgeOnlyAlways(said)
  if (said.clause.lemma === 'take' && TRANSPORT.has(said.second) && mentions(rest, PLACES_OF_DUTY))
    return likely('profile')
  if (first === '' || ONE_OF_MANY.has(first)) return null
  if (mentions(rest, PASSING_THINGS) || mentions(rest, PASSING_TIMES)) return null
  if (first === 'my' || rest[0]!.kind === 'number') return likely('profile')
  return /s$/.test(first) ||
    /s$/.test(said.second) ||
    LIVELIHOODS.has(first) ||
    LIVELIHOODS.has(said.second)
    ? likely('profile')
    : null
}

const TRANSPORT = wordSet('train bus metro subway tram tube ferry bike car taxi')
const PLACES_OF_DUTY = wordSet('work school college university campus office')
const LIVELIHOODS = wordSet(
  'music pottery furniture art money wine beer bread soap jewelry jewellery cheese medication insulin coffee',
)
