import { wordSet } from './word-set.ts'

/**
 * English verbs, as far as a person's statements about themselves need them: which words are verbs, which
 * form they stand in, and the third person of the present. A verb that is not listed is not guessed at:
 * a sentence with one is left unread, since a wrong conjugation would be a wrong memory.
 */

/** Base forms that occur in statements which last, and in those which do not: both must be recognised. */
const BASE = wordSet(`
  abandon abhor accept accompany accomplish ache achieve act adapt add adhere admire admit adopt adore adjust
  advise advocate affect afford agree aim allow analyze answer apologise apologize appear apply appreciate approach
  approve archive argue arrange arrive ask aspire assemble assist associate assume attach attempt attend
  audit author automate avoid babysit back backpack bake barbecue bargain base be bear beat become bed beg begin
  behave believe belong benefit bet bike bind binge birdwatch bite blame blend blog bloom blow board boat
  boil book border bore borrow bounce bowl box brag brave break breathe breed brew bring broadcast browse
  brush budget build bully burn buy bypass calculate call camp campaign cancel canoe care carry carve cast
  catch celebrate challenge change charge chase chat check cite cheer chew choose chop clean cleanse click climb
  close coach code collaborate collect color colour comb combine come command comment commit communicate
  commute compare compete compile compose compost compute concentrate conduct configure confuse connect consider consist
  construct consult consume contact contain continue contract contribute control convert cook cope copy cost
  count couple cover craft crash crave create criticize crochet cross cruise cry cultivate cure curate custom
  customize cut cycle dabble dance date daydream deal debate debug decide declare decline decorate dedicate
  delegate delete deliver demand depend deploy descend describe deserve design desire despise destroy detest
  develop devote diagnose die dig dine direct disagree disappear disapprove discover discuss dislike
  distribute distrust dive divide do dock doodle donate double doubt download draft drag draw dread dream dress
  drink drive drop drum dry dwell dye earn eat edit educate email embrace embroider emphasize employ enable
  encounter encourage end endure engage engineer enjoy enlist enroll ensure enter entertain escape establish
  estimate evaluate exceed excel exchange execute exercise exhibit exist expand expect experience experiment
  explain explore export express extend face fail fall farm fast favor favour fear feed feel fence ferment
  fight figure file fill film filter find finish fish fit fix flip float flow fly focus follow force forget
  forgive format foster found frame freelance freeze frequent frustrate fund furnish gain gamble game garden
  gather generate get give go golf govern grade graduate graft graze greet grill grind groom grow guard guess guide
  hail hand handle hang happen hate have head heal hear help herd hesitate hide hike hire hit hold hop hope
  host house hug hum hunt hurry hurt hydrate ignore illustrate imagine imitate immigrate import improve include
  increase indulge inherit insist inspect inspire install instruct integrate intend interact interpret
  interview introduce invent invest investigate invite involve iron jam jog join joke journal judge juggle
  jump keep kick kill kiss knead kneel knit know lack landscape last laugh launch lay lead lean learn leave
  lecture lend let lie lift light like limit link list listen live lock log look loathe lose love maintain
  major make manage march marry master match matter mean measure meditate meet memorize mend mention mentor
  merge message migrate mind minor miss mix model moderate modify monitor mourn move mow multitask name
  narrate need neglect network nominate note notice nurse nurture obey object observe obsess obtain occupy
  offer omit open operate oppose opt order organise organize outline overcome overlook overthink owe own pack
  paddle paint park parse participate partner pass paste patch pay pedal perform permit persuade photograph
  pick pickle picture pilot place plan plant play plow plumb pole ponder pop post pour practice practise praise
  pray preach prefer prepare prescribe present preserve press pretend prevent print prioritise prioritize
  process procrastinate produce profit program promise promote pronounce proofread propose protect provide
  prune publish pull punish purchase pursue push put qualify question quilt quit quote race rain raise
  rank reach react read realize rebuild recall receive recite recognize recommend record recover recycle redo
  reduce refactor refer reflect refuse register regret reject relate relax release relocate rely remain
  remember remind remove renovate rent repair repeat replace reply report represent request require rescue
  research reserve reside resist resolve respect respond rest restore restrict result retire return reuse
  review revise ride ring rise risk roast rock roll roller romanticize root rotate row run rush sail save say scale
  scare schedule score scuba sculpt search season seek seem sell send separate serve set settle sew shape
  share shave shift shine ship shoot shop shout show shower shut sign sing sit skate skateboard sketch ski
  skip skydive sleep slide slip smell smile smoke snack sneeze snore snorkel snow snowboard socialize solve
  sound speak specialise specialize speculate spell spend spin split sponsor spread squat stand stare start starve stay steal
  stick stop store strength stream stress stretch strive struggle stub study stuff style subscribe succeed
  suck suffer suggest summarise summarize suit supervise supply support suppose surf surprise surround survive suspect swear
  sweat sweep swim switch symbolize sync tag tailor take talk tap target taste teach tear tell tend test text
  thank think thrift thrive throw tidy tinker tolerate touch tour track trade train translate travel treat
  trek trim trust try tune turn tutor tweak tweet twist type understand unwind update upgrade upload use utilise utilize
  vacation value vape venture view visit voice volunteer vomit vote wager wait wake walk wander want warn wash
  watch water wear weave weigh weld welcome whistle whittle win wipe wish witness wonder woodwork work worry
  worship wrestle write yearn yell yodel
  `)

/** Past forms that are not made with -ed. Those equal to their base ("read", "put") count as present. */
const PAST: ReadonlyMap<string, string> = new Map(
  [
    ...wordSet(`
  was:be were:be had:have did:do became:become began:begin bent:bend bet:bet bit:bite bled:bleed blew:blow
  broke:break brought:bring built:build bought:buy burnt:burn came:come caught:catch chose:choose
  dealt:deal dreamt:dream drank:drink drew:draw drove:drive dug:dig dwelt:dwell ate:eat fell:fall fed:feed felt:feel fought:fight
  found:find flew:fly forgot:forget forgave:forgive froze:freeze gave:give got:get went:go grew:grow hung:hang heard:hear hid:hide
  held:hold kept:keep knelt:kneel knew:know laid:lay led:lead learnt:learn left:leave lent:lend lit:light lost:lose
  made:make meant:mean met:meet overcame:overcome paid:pay rang:ring ran:run rode:ride rose:rise said:say saw:see
  sang:sing sank:sink sat:sit sought:seek sold:sell sent:send shook:shake shone:shine shot:shoot showed:show slept:sleep slid:slide spoke:speak
  spelt:spell spent:spend stood:stand stole:steal stuck:stick strove:strive swore:swear swam:swim swept:sweep
  taught:teach told:tell thought:think threw:throw tore:tear took:take understood:understand woke:wake wore:wear wove:weave
  won:win wrote:write quit:quit
  `),
  ].map((pair) => pair.split(':') as [string, string]),
)

const PARTICIPLES: ReadonlyMap<string, string> = new Map(
  [
    ...wordSet(`
  been:be had:have done:do become:become begun:begin bitten:bite blown:blow born:bear broken:break come:come chosen:choose
  drawn:draw driven:drive drunk:drink eaten:eat fallen:fall flown:fly forgiven:forgive forgotten:forget frozen:freeze given:give
  gone:go gotten:get grown:grow hidden:hide known:know overcome:overcome ridden:ride risen:rise run:run seen:see sung:sing
  shown:show spoken:speak stolen:steal sworn:swear swum:swim taken:take thrown:throw torn:tear worn:wear
  woken:wake written:write put:put cut:cut set:set read:read hit:hit quit:quit hurt:hurt let:let cost:cost spread:spread
  `),
  ].map((pair) => pair.split(':') as [string, string]),
)

const THIRD: ReadonlyMap<string, string> = new Map([
  ['be', 'is'],
  ['am', 'is'],
  ['are', 'is'],
  ['were', 'was'],
  ['have', 'has'],
  ['do', 'does'],
  ['go', 'goes'],
  ['redo', 'redoes'],
])

/** "prefer" → "prefers": the form after he, she or a name. */
export function thirdPerson(base: string): string {
  const irregular = THIRD.get(base)
  if (irregular !== undefined) return irregular
  if (/[^aeiou]y$/.test(base)) return `${base.slice(0, -1)}ies`
  if (/(?:s|x|z|ch|sh)$/.test(base)) return `${base}es`
  return `${base}s`
}

/** "prefers" → "prefer" when that is a verb we know; else null. */
export function baseOfThird(word: string): string | null {
  return THIRD_FORMS.get(word) ?? null
}

const THIRD_FORMS: ReadonlyMap<string, string> = new Map(
  [...BASE].map((base) => [thirdPerson(base), base] as const),
)

/** A base form that stands for the present: "found" and "left" are more likely a past. */
export function isPresent(word: string): boolean {
  return BASE.has(word) && !RATHER_PAST.has(word)
}

const RATHER_PAST = wordSet('found felt left saw ground fell quit')

export function isBaseVerb(word: string): boolean {
  return BASE.has(word)
}

/** "moved", "went" → "move", "go"; null for anything that is not a past form of a verb we know. */
export function baseOfPast(word: string): string | null {
  return PAST.get(word) ?? (word.endsWith('ed') ? regular(word.slice(0, -2)) : null)
}

/** "moved", "gone", "built" → the base; null when the word is no participle of a verb we know. */
export function baseOfParticiple(word: string): string | null {
  return PARTICIPLES.get(word) ?? (word === 'was' || word === 'did' ? null : baseOfPast(word))
}

/** "working" → "work"; null when the word is no -ing form of a verb we know. */
export function baseOfGerund(word: string): string | null {
  if (!word.endsWith('ing') || word.length < 5) return null
  if (word === 'lying') return 'lie'
  if (word === 'dying') return 'die'
  return regular(word.slice(0, -3))
}

/** The base of what is left after -ed or -ing: "mov" → move, "stopp" → stop, "studi" → study. */
function regular(stem: string): string | null {
  const last = stem.at(-1) ?? ''
  const guesses = [
    stem.at(-2) === last ? stem.slice(0, -1) : '',
    stem,
    `${stem}e`,
    last === 'i' ? `${stem.slice(0, -1)}y` : '',
    // travelled, cancelled; program(m)ed is covered by the doubled letter
    stem.endsWith('ck') ? stem.slice(0, -1) : '',
  ]
  for (const guess of guesses) if (guess !== '' && BASE.has(guess)) return guess
  return null
}
