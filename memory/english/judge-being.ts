import { isAdverb } from './clause.ts'
import {
  byLemma,
  certain,
  type Judgement,
  likely,
  POINTERS,
  phraseOf,
  type Rule,
  type Said,
  saidAbout,
} from './judgement.ts'
import { isPerson, MOODS, NOT_NAMES, OPEN_TRAITS, PEOPLES, singular, TRAITS } from './lexicon.ts'
import type { Token } from './tokens.ts'
import { baseOfGerund, baseOfParticiple } from './verbs.ts'
import { wordSet } from './word-set.ts'

/** "I am a nurse", "I'm allergic to nuts", "I was born in 1990": what one is, and not how one feels. */
export function judgeBeing(said: Said): Judgement | null {
  const { tokens, finite } = said.clause
  return /^(?:was|were)$/.test(tokens[finite]!.word)
    ? judgeHavingBeen(said)
    : judgePresentBeing(said)
}

/** "I was born in …", "I was a pilot" */
function judgeHavingBeen({ rest, first }: Said): Judgement | null {
  const complement = rest.slice(afterDegree(rest))
  const word = complement[0]?.word ?? first
  if (word === 'born' || word === 'raised') return certain('profile')
  if (word === 'a' || word === 'an')
    return PASSING_NOUNS.has(complement[1]?.word ?? '') ? null : likely('profile')
  return TRAITS.has(word) && !MOODS.has(word) && !OPEN_TRAITS.has(word) ? likely('profile') : null
}

function judgePresentBeing({ clause, rest }: Said): Judgement | null {
  const said = saidAbout(clause, rest.slice(afterDegree(rest)))
  const complement = said.rest[0]
  if (complement === undefined) return null
  const known = COMPLEMENTS.get(said.first)
  if (known !== undefined) return known(said)
  if (complement.kind === 'number') return judgeMeasure(said)
  if (isName(said.rest, 0)) return certain('profile')
  if (PEOPLES.has(said.first)) return isBarePeople(said) ? certain('profile') : null
  if (TRAITS.has(said.first)) return judgeTrait(said)
  if (TRAITS.has(singular(said.first))) return certain('profile') // "we're vegetarians"
  if (said.first.split('-').some((part) => PEOPLES.has(part))) return certain('profile')
  return LASTING_COMPOUND.test(said.first) ? certain('profile') : null
}

const DEGREES = wordSet(
  `very really quite pretty so extremely deathly severely highly super incredibly totally mostly also currently
  now still actually not bit little slightly somewhat deeply always naturally generally fairly rather badly
  terribly mildly strictly originally usually never no longer both more`,
)

/** Past "very", "a bit", "severely": the index of the word that carries the meaning. */
export function afterDegree(complement: readonly Token[]): number {
  let at = 0
  for (;;) {
    const word = complement[at]?.word
    const next = complement[at + 1]?.word
    if (word === undefined) return at
    if (word === 'a' && (next === 'bit' || next === 'little')) {
      if (complement[at + 2]?.word === 'of') return at
      at += 2
    } else if (word !== 'a' && (DEGREES.has(word) || isAdverb(word))) at++
    else return at
  }
}

const COMPLEMENTS: ReadonlyMap<string, Rule> = byLemma({
  'a an': ({ rest }) => judgeNoun(rest, 1),
  one: ({ second }) => (second === 'of' ? likely('profile') : null),
  the: ({ rest }) => (DEFINITE_ROLE.test(phraseOf(rest, 1)) ? certain('profile') : null),
  my: ({ second }) => (isPerson(second) ? likely('profile') : null),
  of: ({ rest, second }) => (second === 'a' ? judgeNoun(rest, 2) : null), // "more of a cat person"
  from: ({ second }) => (second === '' ? null : certain('profile')),
  into: ({ second }) => (POINTERS.has(second) ? null : certain('preferences')),
  against: ({ second }) => (second === '' || POINTERS.has(second) ? null : certain('preferences')),
  in: ({ rest }) => (STAGE_OF_LIFE.test(phraseOf(rest, 1)) ? certain('profile') : null),
  on: ({ rest }) => (REGIMEN.test(phraseOf(rest, 1)) ? certain('profile') : null),
  'over under': ({ rest }) =>
    rest[1]?.kind === 'number' && (rest[2] === undefined || rest[2].kind === 'mark')
      ? certain('profile')
      : null,
  for: () => null,
})

/** Nouns for how one is just now: "a bit", "a mess". */
export const PASSING_NOUNS = wordSet(
  'bit little lot mess wreck while step fool idiot few second minute moment couple loss point problem sucker pain joke mix genius',
)
const ENTHUSIAST = /\b(?:fan|lover|enthusiast|aficionado|buff|believer|advocate|supporter|person)\b/
const LEARNER = /\b(?:expert|beginner|novice|newbie|native|fluent)\b/
const LOOSE_NOUN = /^(?:big|huge|real|true|total|complete|bit) |\bfoodie\b/

/** "a nurse", "a big fan of jazz" */
function judgeNoun(rest: readonly Token[], at: number): Judgement | null {
  if (PASSING_NOUNS.has(rest[at]?.word ?? '')) return null
  const phrase = phraseOf(rest, at)
  if (/^(?:(?:big|huge|real|true|total) )?fan(?: too)?$|^$/.test(phrase)) return null
  if (ENTHUSIAST.test(phrase)) return certain('preferences')
  if (LOOSE_NOUN.test(phrase)) return likely('profile')
  return certain(LEARNER.test(phrase) ? 'skills' : 'profile')
}

/** "the oldest of four", "the founder of Tidepool" */
export const DEFINITE_ROLE =
  /^(?:(?:proud|new|only|sole|first|second|oldest|eldest|youngest|middle) )*(?:oldest|eldest|youngest|only|middle|mother|mom|mum|father|dad|(?:co-?)?owner|(?:co-?)?founder|ceo|cto|cfo|coo|head|lead|leader|manager|director|president|author|creator|maintainer|captain|chair|principal|editor|son|daughter|child|coach|drummer|singer|guitarist|bassist)\b/

const YEAR_OF_LIFE = String.raw`my (?:(?:early|mid|late|final|last|first|second|third|fourth|senior|junior|freshman|sophomore) |mid-)*(?:\d|teens|twenties|thirties|forties|fifties|sixties|seventies|eighties|year\b)`
const SCHOOL =
  '(?:(?:high|middle|grad|graduate|law|medical|med|nursing|elementary|primary|secondary|art|business) )?(?:school|college|university|uni)'
const GRADE = String.raw`(?:\d+(?:th|st|nd|rd)|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth) grade`
const FIELD =
  'it|sales|marketing|tech|finance|banking|insurance|healthcare|education|real estate|construction|advertising|hr|law|medicine'
const UNION =
  'a (?:band|wheelchair|relationship|choir|long-distance|committed|happy|same-sex|polyamorous)|an (?:open|orchestra|interracial)|love with'
/** After "I am in": a time of life, a school, a field, a bond. */
export const STAGE_OF_LIFE = new RegExp(
  `^(?:${YEAR_OF_LIFE}|(?:${SCHOOL}|${GRADE}|${FIELD}|${UNION}|the (?:army|navy|military|air force|marines|reserves|police|national guard)|recovery|remission|retirement)\\b)`,
)
/** After "I am on": a diet, a medicine, a team, an operating system. */
const REGIMEN =
  /^(?:(?:a|an|the) (?:\S+ )?(?:diet|team|board|committee|spectrum|council|crew|squad|pill)|keto|paleo|insulin|medication|antidepressants|ssris|dialysis|(?:parental|maternity|paternity) leave|disability|(?:windows|linux|macos|mac|ubuntu|debian|fedora|arch|nixos|android|ios)\b)/

const SIZES = wordSet('years year yrs yo y/o feet foot ft cm kg lbs pounds')
const NOT_AN_AGE = wordSet('away behind ahead into in late')

/** "34", "34 years old", "six feet tall"; not "5 minutes late", "90% sure". */
function judgeMeasure({ rest, second, third }: Said): Judgement | null {
  const next = rest[1]
  if (/^\d{1,3}(?:yo|cm|kg|lbs|ft)$/.test(rest[0]!.word)) return certain('profile')
  if (next === undefined || next.kind === 'mark' || second === 'and') {
    return /^\d{1,3}$/.test(rest[0]!.word) ? certain('profile') : null
  }
  if (SIZES.has(second)) return NOT_AN_AGE.has(third) ? null : certain('profile')
  if (third === 'pregnant') return certain('profile')
  return next.kind === 'number' ? certain('profile') : null
}

/** "I'm Sam", "I'm Ana Maria Lopes": capitals to the end of the phrase, and no people, trait or mood. */
export function isName(rest: readonly Token[], at: number): boolean {
  const first = rest[at]
  if (
    first === undefined ||
    NOT_NAMES.has(first.word) ||
    PEOPLES.has(first.word) ||
    TRAITS.has(first.word)
  ) {
    return false
  }
  if (baseOfParticiple(first.word) !== null || baseOfGerund(first.word) !== null) return false
  if (first.word.split('-').some((part) => PEOPLES.has(part))) return false // Kenyan-Swiss
  if (/^[\p{Lu}\d]{2,3}$/u.test(first.text)) return false // OK, QA, ML
  let end = at
  while (end < at + 4 && rest[end]?.kind === 'word' && rest[end]!.capital) end++
  if (end === at) return false
  const after = rest[end]
  return after === undefined || after.kind === 'mark' || /^(?:and|from|but|by)$/.test(after.word)
}

function isBarePeople({ rest }: Said): boolean {
  const next = rest[1]
  return next === undefined || next.kind === 'mark' || !isAdverb(next.word)
}

const LASTING_COMPOUND =
  /-(?:free|intolerant|eater|taught|employed|years?-old|based|conscious|oriented|minded|tempered)$/

const LIKINGS = wordSet(
  'passionate enthusiastic crazy nuts obsessed fascinated fond addicted averse opposed uninterested',
)
const ABILITIES = wordSet(
  'good bad great terrible awful decent excellent skilled talented experienced inexperienced proficient fluent familiar comfortable uncomfortable certified qualified',
)
const TONGUES = wordSet('bilingual trilingual multilingual')
/** Traits that are also said of a moment: kept when nothing is asked. */
const SOFT_TRAITS = wordSet(
  `lazy honest generous funny shy friendly romantic organized organised messy rich poor comfortable sober optimistic
  pessimistic impulsive energetic forgetful lonely tall competitive stubborn emotional`,
)

/** "vegetarian", "allergic to peanuts", "good at chess" */
export function judgeTrait({ rest, first, second, third }: Said): Judgement | null {
  const followers = OPEN_TRAITS.get(first)
  if (followers === undefined) {
    if (TONGUES.has(first)) return certain('skills')
    return MOODS.has(first) ? null : SOFT_TRAITS.has(first) ? likely('profile') : certain('profile')
  }
  if (first === 'single' || first === 'remote') {
    return second === '' || second === 'and' || rest[1]!.kind === 'mark' ? likely('profile') : null
  }
  if (!followers.has(second) || third === '' || POINTERS.has(third)) return null
  if (LIKINGS.has(first)) return certain('preferences')
  if (first === 'interested' || first === 'keen') return likely('preferences')
  if (first === 'new') return likely('skills')
  if (ABILITIES.has(first))
    return second === 'with' && (first === 'good' || first === 'great')
      ? likely('skills')
      : certain('skills')
  return certain('profile')
}
