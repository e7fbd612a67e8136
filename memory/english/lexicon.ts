import { wordSet } from './word-set.ts'

/** Words by what they tell about a statement: does it last, and of whom does it speak? English. */

/** People and animals of whom a person has at most one: a second name for one of these is a change. */
export const ONLY_ONES = wordSet(`
  wife husband spouse partner fiance fiancé fiancee fiancée girlfriend boyfriend mother mom mum mommy
  mummy mama father dad daddy papa mother-in-law father-in-law stepmother stepmom stepfather stepdad
  godmother godfather boss manager supervisor landlord landlady therapist dentist gp doctor roommate flatmate
`)

/** People and animals of whom a person may have several: a second name is one more of them. */
export const SEVERAL = wordSet(`
  sister brother sibling son daughter child kid baby toddler twin stepson stepdaughter stepchild stepsister
  stepbrother half-sister half-brother grandmother grandma granny nana grandfather grandpa granddad grandson
  granddaughter grandchild grandparent parent aunt auntie uncle niece nephew cousin brother-in-law
  sister-in-law son-in-law daughter-in-law godson goddaughter godchild ex ex-wife ex-husband ex-boyfriend
  ex-girlfriend relative friend bestie mate buddy pal neighbor neighbour colleague coworker co-worker
  teammate classmate housemate mentor mentee coach trainer teacher tutor professor advisor adviser student
  client customer employee assistant intern lead teamlead cofounder co-founder investor accountant lawyer
  nanny babysitter au-pair pet dog puppy pup cat kitten kitty horse pony rabbit bunny hamster gerbil parrot
  budgie bird fish goldfish turtle tortoise snake lizard gecko ferret guinea-pig chinchilla rat mouse hen
  chicken goat sheep cow pig donkey llama alpaca hedgehog cockatiel canary
`)

export const ANIMALS = wordSet(`
  pet dog puppy pup cat kitten kitty horse pony rabbit bunny hamster gerbil parrot budgie bird fish goldfish
  turtle tortoise snake lizard gecko ferret guinea-pig chinchilla hen chicken goat sheep cow pig donkey llama
  alpaca hedgehog cockatiel canary
`)

/** Is the word a person or animal that one has: "sister", "cats"? */
export function isPerson(word: string): boolean {
  const one = singular(word)
  return ONLY_ONES.has(word) || SEVERAL.has(word) || ONLY_ONES.has(one) || SEVERAL.has(one)
}

/** "cats" → "cat", "wives" → "wife"; a word that is no plural as it is. */
export function singular(word: string): string {
  const irregular = IRREGULAR_PLURALS.get(word)
  if (irregular !== undefined) return irregular
  if (word.endsWith('ies') && word.length > 5) return `${word.slice(0, -3)}y`
  if (/(?:s|x|z|ch|sh)es$/.test(word)) return word.slice(0, -2)
  return /[^s]s$/.test(word) ? word.slice(0, -1) : word
}

const IRREGULAR_PLURALS: ReadonlyMap<string, string> = new Map([
  ['children', 'child'],
  ['wives', 'wife'],
  ['mice', 'mouse'],
  ['people', 'person'],
  ['movies', 'movie'],
  ['cookies', 'cookie'],
])

/** Groups of people: "my family", "our team". */
export const GROUPS = wordSet(`
  family parents children kids folks people siblings in-laws grandparents relatives ancestors household team
  company employer startup start-up firm agency band church school university college department
  organization organisation users customers clients club group office community tribe roommates flatmates
`)

/** A person's things and circumstances that last beyond a conversation. */
export const THINGS = wordSet(`
  name nickname surname username handle birthday birthdate age pronouns pronoun email address phone timezone
  time-zone locale nationality citizenship ethnicity religion faith heritage background ancestry hometown home city town
  country neighborhood neighbourhood house apartment flat place room garden yard farm car truck van bike bicycle motorcycle motorbike
  scooter boat tesla vehicle commute job title role position profession occupation career business shop store
  salary income budget company employer specialty speciality expertise field industry degree major minor
  thesis dissertation education school university college hobby hobbies passion passions interest interests
  pastime dream dreams goal goals ambition ambitions aspiration resolution motto philosophy religion diet
  allergy allergies intolerance condition disability diagnosis illness disease medication phobia fear fears hair eyes eye skin
  height weight build blood shoe size sign zodiac personality strength strengths weakness weaknesses language languages tongue
  accent favorite favourite favorites favourites preference preferences choice taste tastes style aesthetic
  routine habit habits schedule rule policy workflow setup desktop laptop computer machine pc mac macbook phone
  iphone tablet ipad keyboard mouse monitor editor ide shell terminal browser os system distro stack
  framework toolchain database db ci backend back-end frontend front-end api app application website site blog
  newsletter podcast channel server servers cluster pipeline infrastructure infra platform service services product project
  projects side-project repo repository repositories codebase monorepo package library game novel book album collection wedding
  anniversary flight trip vacation holiday honeymoon appointment surgery exam interview deadline launch
  birth marriage relationship childhood upbringing culture values tattoo tattoos instrument guitar piano
  lease contract visa passport mortgage insurance subscription pet-peeve peeve pleasure superpower talent talents skill skills level experience type band
  song songs movie movies film films show food foods drink color colour colors season sport sports team player
  artist author writer singer actor actress animal animals number subject genre restaurant cuisine dish meal
  snack dessert fruit vegetable coffee tea beer wine game games character superhero flower plant
`)

/** Heads that belong to the moment or to the request: what is said of them does not last. */
export const PASSING_THINGS = wordSet(`
  question questions problem problems issue issues error errors bug bugs code guess point idea ideas apology
  apologies bad mistake concern concerns worry understanding thought thoughts opinion assumption request query
  function script test tests build output input message text essay prompt instruction instructions head stomach turn fault god goodness gosh word words answer response reply task
  assignment homework draft attempt screen internet wifi connection order package-lock log logs console
  dataframe array string loop variable file regex spreadsheet component components table tables column columns hook
  endpoint endpoints branch branches container form button modal dropdown pr commit diff notebook kernel
`)

/** "I have a busy week", "you made my day": a time that is had or made is of the moment as well. */
export const PASSING_TIMES = wordSet('day week weekend morning evening')

/** Words for what a program does wrong: a sentence with one describes trouble, not a person. */
export const TROUBLE = wordSet(`
  error errors fails failing failed crash crashes crashing crashed exception exceptions undefined null nan
  stuck broken bug buggy stacktrace traceback segfault timeout 404 500 hangs weird wrong
`)

/** What a person is for years. After "I am", also behind "very", "a bit", "not". */
export const TRAITS = wordSet(`
  vegetarian vegan pescatarian flexitarian kosher halal lactose-intolerant lactose gluten-free gluten-intolerant
  gluten celiac coeliac diabetic asthmatic epileptic anemic allergic sensitive intolerant prone autistic dyslexic adhd
  bipolar neurodivergent deaf blind color-blind colorblind colour-blind colourblind hard-of-hearing disabled paralyzed
  nearsighted near-sighted shortsighted farsighted left-handed right-handed ambidextrous lefty
  homeschooled chubby fat sedentary old-fashioned bald tall short blonde blond brunette redheaded overweight skinny muscular athletic fit active
  gay lesbian bisexual bi straight queer asexual trans transgender nonbinary non-binary intersex male female
  married single divorced widowed engaged separated unmarried childless child-free childfree pregnant adopted
  retired unemployed self-employed freelance employed semi-retired disabled full-time part-time remote
  bilingual trilingual multilingual fluent proficient certified licensed qualified experienced inexperienced
  religious atheist agnostic spiritual catholic christian jewish muslim buddhist hindu sikh mormon protestant
  orthodox evangelical quaker liberal conservative progressive libertarian socialist democrat republican
  introverted extroverted extraverted shy outgoing sociable adventurous ambitious artistic athletic creative
  musical clumsy competitive disciplined energetic forgetful friendly frugal funny generous handy
  hardworking hard-working honest impatient impulsive independent kind lazy loyal messy minimalist neat
  optimistic organized organised patient perfectionist pessimistic picky practical punctual quiet romantic
  sarcastic sentimental stubborn superstitious talkative thrifty tidy traditional talented
  passionate enthusiastic obsessed addicted crazy nuts fascinated interested keen fond afraid scared terrified
  frightened petrified claustrophobic skeptical wary committed dedicated devoted loyal involved good bad great
  terrible awful decent excellent skilled familiar new comfortable uncomfortable accustomed used
  responsible averse opposed uninterested based native originally born raised descended
  middle-aged elderly rich poor wealthy sober homeless nocturnal dyslexic
  hypersensitive squeamish night-blind tone-deaf
`)

/** Traits that say nothing without what follows: "good at", "new to", "afraid of". */
export const OPEN_TRAITS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    good: 'at with',
    bad: 'at with',
    great: 'at with',
    terrible: 'at with',
    awful: 'at with',
    decent: 'at',
    excellent: 'at',
    skilled: 'at in with',
    talented: 'at in with',
    experienced: 'in with at',
    inexperienced: 'in with',
    proficient: 'in with at',
    fluent: 'in',
    comfortable: 'with in',
    uncomfortable: 'with in around',
    familiar: 'with',
    new: 'to',
    native: 'to',
    interested: 'in',
    uninterested: 'in',
    averse: 'to',
    opposed: 'to',
    passionate: 'about',
    enthusiastic: 'about',
    crazy: 'about',
    nuts: 'about',
    obsessed: 'with over',
    fascinated: 'by with',
    addicted: 'to',
    keen: 'on to',
    fond: 'of',
    afraid: 'of',
    scared: 'of',
    terrified: 'of',
    frightened: 'of',
    petrified: 'of',
    skeptical: 'of about',
    wary: 'of about',
    committed: 'to',
    dedicated: 'to',
    devoted: 'to',
    loyal: 'to',
    involved: 'in with',
    accustomed: 'to',
    used: 'to',
    responsible: 'for',
    based: 'in at out near on',
    born: 'in on and at',
    raised: 'in by on as',
    descended: 'from',
    certified: 'in as',
    licensed: 'to as in',
    qualified: 'as in to',
    sensitive: 'to',
    intolerant: 'to of',
    prone: 'to',
    single: '',
    kind: '',
    short: '',
    quiet: '',
    fit: '',
    active: 'in on',
    free: '',
    remote: '',
    gluten: 'intolerant sensitive free',
    lactose: 'intolerant',
    older: 'than',
  }).map(([word, followers]) => [word, wordSet(followers)] as const),
)

/** Traits of which "I'm …" says more often how it is just now. */
export const MOODS = wordSet(
  'short quiet kind crazy nuts patient impatient broke active fit remote free',
)

/** Peoples and faiths: "I'm German" is no name. */
export const PEOPLES = wordSet(`
  american british english scottish welsh irish french german dutch belgian swiss austrian spanish catalan
  basque portuguese italian greek turkish cypriot maltese polish czech slovak slovenian croatian serbian
  bosnian albanian macedonian bulgarian romanian hungarian moldovan ukrainian russian belarusian lithuanian
  latvian estonian finnish swedish norwegian danish icelandic georgian armenian azerbaijani kazakh uzbek
  iranian persian iraqi syrian lebanese jordanian palestinian israeli egyptian moroccan algerian tunisian
  libyan sudanese ethiopian eritrean somali kenyan ugandan tanzanian rwandan nigerian ghanaian senegalese
  ivorian cameroonian congolese angolan zambian zimbabwean african south-african indian pakistani bangladeshi
  nepali nepalese sri-lankan tamil punjabi bengali chinese taiwanese cantonese japanese korean vietnamese thai
  cambodian lao burmese malaysian singaporean indonesian filipino filipina australian kiwi maori canadian
  mexican guatemalan honduran salvadoran nicaraguan cuban dominican haitian jamaican puerto-rican colombian
  venezuelan ecuadorian peruvian bolivian brazilian chilean argentinian argentine uruguayan paraguayan latino
  latina latinx hispanic asian european arab kurdish afghan mongolian tibetan catholic christian jewish muslim
  buddhist hindu sikh mormon protestant orthodox lutheran methodist baptist anglican evangelical atheist
  agnostic scandinavian nordic slavic caribbean bavarian sicilian
`)

/** Words that answer "how are you", "where are you in this": never a name after "I'm". */
export const NOT_NAMES = wordSet(`
  ok okay fine good great well sorry done back here there sure afraid glad happy sad tired sick ill late early
  ready new not so very just really too all in on at out off up down home busy bored hungry thirsty hot cold
  lost stuck confused curious interested excited free available online offline awake serious kidding joking
  right wrong sure certain aware unsure alone single married vegan vegetarian grateful thankful proud angry mad
  worried nervous stressed scared impressed amazed surprised shocked open dead alive human male female
  indeed correct guilty innocent famous rich poor broke lazy fit healthy pregnant old young tall short yes no
  maybe currently always never usually actually also still now then today tomorrow
`)

/** Bodies of knowledge, tools and tongues that "I know …" can be said of without a capital letter. */
export const KNOWABLE = wordSet(`
  python javascript typescript rust golang go java kotlin swift ruby php perl c c++ c# sql html css react vue
  angular svelte docker kubernetes linux bash git excel photoshop calculus statistics karate judo english
  french german spanish italian portuguese dutch mandarin chinese cantonese japanese korean russian arabic
  hindi latin greek turkish polish swedish sign-language morse cpr
`)

/** One-off things that people "have" while they ask for something. */
export const PASSING_POSSESSIONS = wordSet(`
  question questions problem problems issue issues error errors bug idea ideas thought concern doubt doubts
  feeling hunch request favor favour task assignment homework function method class list array string
  dataframe table column file files dataset script code snippet program query json csv following list lists dictionary
  variable loop test tests exam quiz meeting call headache cold fever cough flu hangover fun time moment minute
  second plan plans story stories event events day screenshot detail details blast update surprise chat experience look lot bit few point trouble difficulty difficulties hard luck news clue chance
  opportunity choice option options deadline session interview appointment review feedback schedule priorities feeling sense impression hope nothing something everything anything
  you it this that these those them him her
`)

/** Things one has for long: certain even when the turn asks for something. */
export const LASTING_POSSESSIONS = wordSet(`
  allergy allergies aversion phobia fear preference preferences dislike distaste love passion intolerance
  sensitivity objection bias interest weakness soft tendency habit condition disorder syndrome disease diabetes
  asthma adhd autism dyslexia arthritis anxiety insomnia epilepsy migraines hypertension depression celiac
  disability impairment tattoo tattoos piercing piercings hair eyes freckles dimples scar scars glasses beard
  degree phd doctorate masters bachelors diploma mba license licence certification background experience
  citizenship passport visa job business company shop store farm startup career salary side-hustle
  car truck van motorcycle bike boat house apartment flat condo cottage cabin garden pool collection library
  policy rule budget subscription server homelab laptop macbook thinkpad keyboard podcast blog channel
  diet routine name nickname knack talent respect
`)
