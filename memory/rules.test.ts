import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Candidate, Role, Turn } from './memory.ts'
import { extractByRules, MAX_PER_CALL, MAX_PER_TURN } from './rules.ts'

const SAID_AT = Date.UTC(2026, 10, 23, 15)
const NOW = SAID_AT + 60_000

let count = 0
function turn(content: string, role: Role = 'user', saidAt = SAID_AT): Turn {
  count++
  return {
    id: `turn_${count}`,
    conversationId: 'conv_1',
    namespace: 'default',
    position: count,
    role,
    speaker: null,
    content,
    truncated: false,
    model: null,
    saidAt,
    createdAt: saidAt,
    memoryCount: null,
  }
}

const extract = (...said: string[]): Candidate[] =>
  extractByRules(
    said.map((content) => turn(content)),
    NOW,
  )
const contents = (...said: string[]): string[] =>
  extract(...said).map((candidate) => candidate.content)

/** What is said, and every memory it yields. */
type Row = readonly [said: string, ...memories: string[]]

const IDENTITY: readonly Row[] = [
  ["I'm Sam", 'User is Sam'],
  ["Hi, I'm Sam.", 'User is Sam'],
  ["I'm Sam, nice to meet you!", 'User is Sam'],
  ['Hi, I am Sam. Pleased to meet you', 'User is Sam'],
  ['My name is Sam, thanks in advance', "User's name is Sam"],
  ["Hello there! I'm Priya Raman.", 'User is Priya Raman'],
  ['My name is Sam', "User's name is Sam"],
  ["my name's Ottoline", "User's name is Ottoline"],
  ['My full name is Ana Maria Lopes.', "User's full name is Ana Maria Lopes"],
  ['Call me Sam', 'User wants to be called Sam'],
  ['You can call me Bo.', 'User wants to be called Bo'],
  ['Everyone calls me Ziggy.', 'User goes by Ziggy'],
  ['I am a nurse', 'User is a nurse'],
  ['I keep bees on my roof.', 'User keeps bees on their roof'],
  ['I run every morning.', 'User runs every morning'],
  ['I moved to Porto last week', 'User moved to Porto in the week of 16 November 2026'],
  ['I usually run 5 km every morning.', 'User usually runs 5 km every morning'],
  ['I take the train to work.', 'User takes the train to work'],
  ["I'm 34", 'User is 34'],
  ["I'm 34 years old.", 'User is 34 years old'],
  ["I'm vegetarian", 'User is vegetarian'],
  ["I'm not religious.", 'User is not religious'],
  ["I'm allergic to peanuts", 'User is allergic to peanuts'],
  ["I'm deathly allergic to bee stings.", 'User is deathly allergic to bee stings'],
  ["I'm based in Lisbon", 'User is based in Lisbon'],
  ['I live in Ghent.', 'User lives in Ghent'],
  ['i live in ghent', 'User lives in ghent'],
  ["I'm from Quito", 'User is from Quito'],
  ["I'm originally from Quito.", 'User is originally from Quito'],
  ["I'm German.", 'User is German'],
  ["I'm German and I live in Porto.", 'User is German', 'User lives in Porto'],
  ['I grew up in a fishing village.', 'User grew up in a fishing village'],
  ['I was born in 1990.', 'User was born in 1990'],
  ['My pronouns are they/them.', "User's pronouns are they/them"],
  ['My birthday is on 3 May', "User's birthday is on 3 May"],
  ['I speak Dutch and a little Basque.', 'User speaks Dutch and a little Basque'],
  ['My native language is Telugu.', "User's native language is Telugu"],
  ["I'm left-handed", 'User is left-handed'],
  ["I'm colour-blind.", 'User is colour-blind'],
  ["I'm afraid of heights.", 'User is afraid of heights'],
  ['I have a phobia of needles.', 'User has a phobia of needles'],
  ["I'm in my forties.", 'User is in their forties'],
  ["I'm the oldest of four.", 'User is the oldest of four'],
  ["I'm a night owl", 'User is a night owl'],
  ['I have type 1 diabetes.', 'User has type 1 diabetes'],
  ['I wear glasses.', 'User wears glasses'],
  ['My timezone is Europe/Madrid.', "User's timezone is Europe/Madrid"],
  ["I'm Sam, a nurse from Leeds.", 'User is Sam', 'User is a nurse from Leeds'],
  ["I'm Sam and I live in Berlin.", 'User is Sam', 'User lives in Berlin'],
  ["I'm Sam, 34, from Leeds.", 'User is Sam', 'User is 34', 'User is from Leeds'],
  [
    "Hey there, my name is Tom and I'm a data scientist.",
    "User's name is Tom",
    'User is a data scientist',
  ],
  ["I'm Kenyan-Swiss.", 'User is Kenyan-Swiss'],
  ["I'm Muslim and don't eat pork.", 'User is Muslim', 'User does not eat pork'],
  ["I'm 6'2 and weigh 80 kg.", "User is 6'2 and weighs 80 kg"],
  ['I suffer from migraines.', 'User suffers from migraines'],
  ["I'm on antidepressants.", 'User is on antidepressants'],
  ["I'm pregnant.", 'User is pregnant'],
  ["I'm vegan so please don't suggest dairy.", 'User is vegan'],
  ["I'm allergic to penicillin, by the way.", 'User is allergic to penicillin'],
  ["I think I'm allergic to shellfish.", 'User is allergic to shellfish'],
  ["I'm colorblind, so red charts are hard for me.", 'User is colorblind'],
  ['My shoe size is 43.', "User's shoe size is 43"],
  ['I go by Ace.', 'User goes by Ace'],
  ['You can call me Sam if you like.', 'User wants to be called Sam'],
  ['I was diagnosed with asthma as a child.', 'User was diagnosed with asthma as a child'],
  ["I'm semi-retired and live on a boat.", 'User is semi-retired', 'User lives on a boat'],
  ["I'm on macOS.", 'User is on macOS'],
]

const PEOPLE: readonly Row[] = [
  ['My sister is called Nadia', "User's sister is called Nadia"],
  ["My sister's called Nadia.", "User's sister is called Nadia"],
  ["My sister's name is Nadia.", "User's sister's name is Nadia"],
  ['My wife Ana works at Siemens.', "User's wife Ana works at Siemens"],
  ['My older brother Tom is a vet.', "User's older brother Tom is a vet"],
  ['I have two kids', 'User has two kids'],
  ["I've got two cats and a tortoise.", 'User has two cats and a tortoise'],
  ['Our dog Rex hates thunderstorms.', "User's dog Rex hates thunderstorms"],
  ['My dog is a border collie.', "User's dog is a border collie"],
  ['My daughter is allergic to eggs.', "User's daughter is allergic to eggs"],
  ['My son is seven.', "User's son is seven"],
  ['My parents live in Goa.', "User's parents live in Goa"],
  ['Both of my parents are teachers.', "Both of User's parents are teachers"],
  ['My grandmother was from Odessa.', "User's grandmother was from Odessa"],
  ['My wife and I live in Leeds.', 'User and their wife live in Leeds'],
  ['Me and my partner have three cats.', 'User and their partner have three cats'],
  ['My best friend Jo lives in Oslo.', "User's best friend Jo lives in Oslo"],
  ['My friend Ben plays the cello.', "User's friend Ben plays the cello"],
  ['My boss is called Ingrid.', "User's boss is called Ingrid"],
  ['Nadia is my sister.', "Nadia is User's sister"],
  ['Our landlord is Mr. Osei.', "User's landlord is Mr. Osei"],
  ["I'm married.", 'User is married'],
  ["I'm married to Ana.", 'User is married to Ana'],
  ['I got divorced last year.', 'User got divorced in 2025'],
  ['We adopted a puppy named Biscuit.', 'User adopted a puppy named Biscuit'],
  ['My father passed away in 2019.', "User's father passed away in 2019"],
  ['I have no siblings.', 'User has no siblings'],
  ["My cat's name is Miso.", "User's cat's name is Miso"],
  ['My team consists of five people.', "User's team consists of five people"],
  ['My husband, Marc, is a baker.', "User's husband, Marc, is a baker"],
  ["My kids' names are Leo and Mia.", "User's kids' names are Leo and Mia"],
  ["My wife's birthday is May 3rd.", "User's wife's birthday is May 3rd"],
  ['My mom and dad live in Porto.', "User's mom and dad live in Porto"],
  ['My daughter was born in 2019.', "User's daughter was born in 2019"],
  [
    'I play the guitar and my brother plays the drums.',
    'User plays the guitar',
    "User's brother plays the drums",
  ],
  [
    'My manager is Ingrid and she hates surprises.',
    "User's manager is Ingrid and she hates surprises",
  ],
  ["I'm a single mom with two kids.", 'User is a single mom with two kids'],
  [
    'I have a golden retriever named Biscuit and two kids, Leo (5) and Mia (7).',
    'User has a golden retriever named Biscuit and two kids, Leo (5) and Mia (7)',
  ],
  ["We're expecting our first baby in March.", 'User is expecting their first baby in March 2027'],
]

const WORK: readonly Row[] = [
  ['I work at Acme', 'User works at Acme'],
  ['I work for the city of Ghent.', 'User works for the city of Ghent'],
  ['I work as a translator.', 'User works as a translator'],
  ["I'm a backend engineer at Acme.", 'User is a backend engineer at Acme'],
  ["I'm working at a bakery.", 'User is working at a bakery'],
  ['I teach maths at a secondary school.', 'User teaches maths at a secondary school'],
  ['I run a small bookshop.', 'User runs a small bookshop'],
  ["I'm self-employed.", 'User is self-employed'],
  ["I'm the founder of Tidepool.", 'User is the founder of Tidepool'],
  ['My boss is very strict about deadlines.', "User's boss is very strict about deadlines"],
  ["I'm studying marine biology.", 'User is studying marine biology'],
  ["I'm doing a PhD in linguistics.", 'User is doing a PhD in linguistics'],
  ['I graduated in 2014.', 'User graduated in 2014'],
  ['I commute by ferry.', 'User commutes by ferry'],
  ['My job title is Staff Engineer.', "User's job title is Staff Engineer"],
  ['I manage a team of six.', 'User manages a team of six'],
  ['I live in Rome and work at Acme.', 'User lives in Rome', 'User works at Acme'],
  ['I work night shifts at the hospital.', 'User works night shifts at the hospital'],
  ['I have a PhD in chemistry from ETH.', 'User has a PhD in chemistry from ETH'],
  ['I studied chemistry at ETH.', 'User studied chemistry at ETH'],
  ['I used to work for a bank.', 'User used to work for a bank'],
  ['My thesis is about coral reefs.', "User's thesis is about coral reefs"],
  ['I retired in 2015.', 'User retired in 2015'],
]

const PROJECTS: readonly Row[] = [
  [
    "I'm building a beehive monitor with an ESP32.",
    'User is building a beehive monitor with an ESP32',
  ],
  [
    "I'm working on a compiler for a toy language.",
    'User is working on a compiler for a toy language',
  ],
  ["We're building a tide chart app.", 'User is building a tide chart app'],
  [
    "I'm writing a novel about lighthouse keepers.",
    'User is writing a novel about lighthouse keepers',
  ],
  ['We use Postgres 16 with pgvector.', 'User uses Postgres 16 with pgvector'],
  ['Our API runs on Fly.io.', "User's API runs on Fly.io"],
  ['My project Atlas is a Bun service.', "User's project Atlas is a Bun service"],
  ['We deploy with Kamal.', 'User deploys with Kamal'],
  ['Our backend is written in Elixir.', "User's backend is written in Elixir"],
  ['Our monorepo uses pnpm workspaces.', "User's monorepo uses pnpm workspaces"],
  ['My side-project is a chess engine.', "User's side-project is a chess engine"],
  ["I'm learning Rust.", 'User is learning Rust'],
  ["I'm training for a half marathon.", 'User is training for a half marathon'],
  ['We decided to drop Redis.', 'User decided to drop Redis'],
  ['Our database is Postgres.', "User's database is Postgres"],
  [
    'I maintain a small npm package called tinyhash.',
    'User maintains a small npm package called tinyhash',
  ],
  ['Our stack is Next.js, tRPC and Postgres.', "User's stack is Next.js, tRPC and Postgres"],
  ["We're using pnpm, not npm.", 'User is using pnpm, not npm'],
  ['Btw we host everything on Hetzner.', 'User hosts everything on Hetzner'],
  ['Our CI runs on GitHub Actions.', "User's CI runs on GitHub Actions"],
  ["We don't use ORMs.", 'User does not use ORMs'],
  ["We're a team of five using Go.", 'User said: "We\'re a team of five using Go."'],
  [
    'My startup, Tidepool, makes software for aquariums.',
    "User's startup, Tidepool, makes software for aquariums",
  ],
  ['We never deploy on Fridays.', 'User never deploys on Fridays'],
]

const PREFERENCES: readonly Row[] = [
  ['I prefer tabs over spaces.', 'User prefers tabs over spaces'],
  [
    'I prefer FastAPI for backend development and TypeScript for frontend work.',
    'User prefers FastAPI for backend development and TypeScript for frontend work',
  ],
  ['I like dark roast coffee.', 'User likes dark roast coffee'],
  ['I really love sour cherries!', 'User really loves sour cherries'],
  ['I hate early meetings.', 'User hates early meetings'],
  ["I can't stand coriander.", 'User cannot stand coriander'],
  ["I don't like mushrooms.", 'User does not like mushrooms'],
  ['i dont eat pork', 'User does not eat pork'],
  ['I always test on Firefox first.', 'User always tests on Firefox first'],
  ['I never drink alcohol.', 'User never drinks alcohol'],
  ['I usually get up at 5:30.', 'User usually gets up at 5:30'],
  ['My favourite colour is teal.', "User's favourite colour is teal"],
  ['My favorite band is Low.', "User's favorite band is Low"],
  [
    'Two of my favourite writers are Le Guin and Calvino.',
    "Two of User's favourite writers are Le Guin and Calvino",
  ],
  ['Goat cheese is my favourite.', "Goat cheese is User's favourite"],
  ["I'd rather take the train than fly.", 'User would rather take the train than fly'],
  ["I'm a big fan of brutalist architecture.", 'User is a big fan of brutalist architecture'],
  ["I'm into modular synths.", 'User is into modular synths'],
  ["I'm passionate about urban gardening.", 'User is passionate about urban gardening'],
  ['I enjoy bouldering but I hate running.', 'User enjoys bouldering', 'User hates running'],
  ['I love Rust but I hate its compile times.', 'User loves Rust but hates its compile times'],
  ['I avoid dairy.', 'User avoids dairy'],
  ['I refuse to fly budget airlines.', 'User refuses to fly budget airlines'],
  ['I only drink decaf.', 'User only drinks decaf'],
  ['When I travel, I prefer trains.', 'User prefers trains when they travel'],
  ['In general I prefer small functions.', 'User prefers small functions'],
  ['By the way, I prefer answers with examples.', 'User prefers answers with examples'],
  ['At work I use Linux.', 'At work User uses Linux'],
  ["I'm not a morning person.", 'User is not a morning person'],
  ["I'm against breeding pets.", 'User is against breeding pets'],
  ['I tend to overpack.', 'User tends to overpack'],
  [
    'I like it when explanations start with an example.',
    'User likes it when explanations start with an example',
  ],
  ['I use Neovim as my main editor.', 'User uses Neovim as their main editor'],
  ['I have a strong preference for window seats.', 'User has a strong preference for window seats'],
  ['I have no interest in golf.', 'User has no interest in golf'],
  [
    'I like to keep functions small and I prefer composition over inheritance.',
    'User likes to keep functions small',
    'User prefers composition over inheritance',
  ],
  ["I'm more of a cat person.", 'User is more of a cat person'],
  ['I find small talk exhausting.', 'User finds small talk exhausting'],
  ['As a lefty, I hate spiral notebooks.', 'As a lefty, User hates spiral notebooks'],
  ["I don't drink coffee, only tea.", 'User does not drink coffee, only tea'],
  ['I would never buy a car.', 'User would never buy a car'],
  ['My least favourite vegetable is okra.', "User's least favourite vegetable is okra"],
  ["I'd love to see Patagonia one day.", 'User would love to see Patagonia one day'],
  ['I collect vintage fountain pens.', 'User collects vintage fountain pens'],
  ['My shell is fish.', "User's shell is fish"],
  ['I like my coffee black.', 'User likes their coffee black'],
  ['I love aerial yoga, it is so relaxing.', 'User loves aerial yoga'],
  ['I need a laptop, but I hate Windows.', 'User hates Windows'],
]

const INSTRUCTIONS: readonly Row[] = [
  ['Please always answer in German.', 'User wants the assistant to always answer in German'],
  [
    "Don't use emojis when you write to me.",
    'User wants the assistant not to use emojis when the assistant writes to the user',
  ],
  ['Use tabs not spaces', 'User wants the assistant to use tabs not spaces'],
  [
    'use metric units instead of imperial',
    'User wants the assistant to use metric units instead of imperial',
  ],
  [
    'Never apologize in your answers.',
    "User wants the assistant never to apologize in the assistant's answers",
  ],
  [
    'From now on, keep answers under 100 words.',
    'User wants the assistant to keep answers under 100 words',
  ],
  ['I want you to always cite sources.', 'User wants the assistant to always cite sources'],
  [
    'In future, write dates as YYYY-MM-DD.',
    'User wants the assistant to write dates as YYYY-MM-DD',
  ],
  [
    'Please keep your answers short.',
    "User wants the assistant to keep the assistant's answers short",
  ],
  ['Stop using emojis.', 'User wants the assistant to stop using emojis'],
  [
    'Answer me in French from now on.',
    'User wants the assistant to answer the user in French from now on',
  ],
  [
    'Always ask me before you delete files.',
    'User wants the assistant to always ask the user before the assistant deletes files',
  ],
  ['I want you to call me Captain.', 'User wants to be called Captain'],
]

const SKILLS: readonly Row[] = [
  ['I know Rust', 'User knows Rust'],
  ['I know how to solder.', 'User knows how to solder'],
  [
    "I've been playing piano for ten years.",
    'User has been playing piano for ten years (since about 2016)',
  ],
  ['I can speak Portuguese.', 'User can speak Portuguese'],
  ['I play the oboe.', 'User plays the oboe'],
  ["I'm fluent in Welsh.", 'User is fluent in Welsh'],
  ["I'm good at mental arithmetic.", 'User is good at mental arithmetic'],
  ["I'm a beginner in Go.", 'User is a beginner in Go'],
  ["I can't swim.", 'User cannot swim'],
  ['I have ten years of experience with COBOL.', 'User has ten years of experience with COBOL'],
]

const EVENTS: readonly Row[] = [
  ['My flight to Tokyo is on 12 March.', "User's flight to Tokyo is on 12 March 2027"],
  ["I'm getting married in June.", 'User is getting married in June 2027'],
  ['I moved to Lisbon last year.', 'User moved to Lisbon in 2025'],
  ["I'm moving to Utrecht next month.", 'User is moving to Utrecht in December 2026'],
  ['My exam is tomorrow.', "User's exam is on 24 November 2026"],
  ["I'm flying to Oslo on 3 January.", 'User is flying to Oslo on 3 January 2027'],
  ['Next month I am moving to Perth.', 'In December 2026 User is moving to Perth'],
  ['I started a new job in September.', 'User started a new job in September 2026'],
  ['I have lived in Malmö since 2015.', 'User has lived in Malmö since 2015'],
  ['I quit smoking two years ago.', 'User quit smoking around 2024'],
  ['I turned 40 last week.', 'User turned 40 in the week of 16 November 2026'],
  ["I'm turning 40 next month.", 'User is turning 40 in December 2026'],
  ['My lease ends in June.', "User's lease ends in June"],
  ['I worked at a bank for ten years.', 'User worked at a bank for ten years'],
  [
    'I have worked at a bank for ten years.',
    'User has worked at a bank for ten years (since about 2016)',
  ],
  ['In 2019 I moved to Canada.', 'In 2019 User moved to Canada'],
  ["I've been vegan since 2018.", 'User has been vegan since 2018'],
]

const CHANGES: readonly Row[] = [
  ['I no longer use Vim.', 'User no longer uses Vim'],
  ["I don't eat meat anymore.", 'User does not eat meat anymore'],
  [
    "I don't live in Berlin anymore, I moved to Paris.",
    'User does not live in Berlin anymore',
    'User moved to Paris',
  ],
  ['I switched from npm to Bun.', 'User switched from npm to Bun'],
  ['Actually, I live in Paris now.', 'User lives in Paris now'],
  ['No, I work at Globex.', 'User works at Globex'],
  ['Sorry, I meant my brother is called Tom.', "User's brother is called Tom"],
  ['I gave up coffee.', 'User gave up coffee'],
  ['We migrated from MySQL to Postgres.', 'User migrated from MySQL to Postgres'],
  ['I changed my name to Robin.', 'User changed their name to Robin'],
  ["Actually, it's Rex not Max", 'User said: "Actually, it\'s Rex not Max"'],
  ["I'm no longer vegetarian.", 'User is no longer vegetarian'],
  [
    "My dog is called Max. Actually, it's Rex, not Max.",
    "User's dog is called Max",
    "User's dog is called Rex",
  ],
  [
    'My sister is called Nadia. Sorry, I meant Nadine, not Nadia.',
    "User's sister is called Nadia",
    "User's sister is called Nadine",
  ],
  ['We moved our infra from AWS to Hetzner.', 'User moved their infra from AWS to Hetzner'],
  ['I quit my job last month.', 'User quit their job in October 2026'],
]

const REQUESTS: readonly Row[] = [
  ['Remember that I prefer window seats.', 'User prefers window seats'],
  ['Could you remember that my sister is called Nadia?', "User's sister is called Nadia"],
  ['Can you please remember that I take my coffee black?', 'User takes their coffee black'],
  ['Please note that our staging server is in Frankfurt.', "User's staging server is in Frankfurt"],
  ['Keep in mind I am hard of hearing.', 'User is hard of hearing'],
  ["Don't forget that I'm lactose intolerant.", 'User is lactose intolerant'],
  ['For future reference, my manager is called Ingrid.', "User's manager is called Ingrid"],
  ['Remember that the staging password rotates monthly.', 'The staging password rotates monthly'],
  [
    'Remember: the deploy freeze starts every Friday at noon.',
    'The deploy freeze starts every Friday at noon',
  ],
  ['Remember, I am a wheelchair user.', 'User is a wheelchair user'],
  ['My sister is called Nadia, please remember that.', "User's sister is called Nadia"],
  ['I want you to remember that I work nights.', 'User works nights'],
  ["For the record, I'm not a lawyer.", 'User is not a lawyer'],
  [
    'Please remember to always use British spelling.',
    'User wants the assistant to always use British spelling',
  ],
  ['Make a note that the release branch is called stable.', 'The release branch is called stable'],
  [
    'Please remember the following:\n- My cat is called Miso\n- The office closes at six',
    "User's cat is called Miso",
    'The office closes at six',
  ],
  ['Would you remember that I want to become a pilot?', 'User wants to become a pilot'],
  ['note: our office is closed on Fridays', "User's office is closed on Fridays"],
  ['Note that the office closes at six.', 'The office closes at six'],
  ['Remember that Nadia is my sister.', "Nadia is User's sister"],
  ["Remember that we're a team of five.", 'User said: "we\'re a team of five"'],
  ["Don't forget: the invoice number starts with 7.", 'The invoice number starts with 7'],
  ['Please remember to reply in Spanish.', 'User wants the assistant to reply in Spanish'],
  [
    'Remember that my son Leo is allergic to eggs and that he is five.',
    "User's son Leo is allergic to eggs and that he is five",
  ],
]

/** One row for every rule that the tables above leave out. */
const MORE: readonly Row[] = [
  ['I value honesty.', 'User values honesty'],
  ['I appreciate direct feedback.', 'User appreciates direct feedback'],
  ['I stay away from sugar.', 'User stays away from sugar'],
  ['I stick to a low-carb diet.', 'User sticks to a low-carb diet'],
  ['I lean towards minimalism.', 'User leans towards minimalism'],
  ['I care about privacy.', 'User cares about privacy'],
  ['I miss my old garden.', 'User misses their old garden'],
  ['I struggle with spelling.', 'User struggles with spelling'],
  ['I try to eat less sugar.', 'User tries to eat less sugar'],
  ['I believe in karma.', 'User believes in karma'],
  ['I feel comfortable with silence.', 'User feels comfortable with silence'],
  ['I come from a big family.', 'User comes from a big family'],
  ['I go to the gym twice a week.', 'User goes to the gym twice a week'],
  ['I go sailing in summer.', 'User goes sailing in summer'],
  ['I go by tram.', 'User goes by tram'],
  ['I get carsick.', 'User gets carsick'],
  ['I do crosswords.', 'User does crosswords'],
  ['I take long walks.', 'User takes long walks'],
  ['I make candles.', 'User makes candles'],
  ['I read two newspapers.', 'User reads two newspapers'],
  ['I always check the oven twice.', 'User always checks the oven twice'],
  ['I want to open a bakery.', 'User wants to open a bakery'],
  ["I don't want to own a car.", 'User does not want to own a car'],
  ['I only want to buy local food.', 'User only wants to buy local food'],
  ['I plan to retire early.', 'User plans to retire early'],
  ['I know a little Swahili.', 'User knows a little Swahili'],
  ['I know Kubernetes.', 'User knows Kubernetes'],
  ['I find it hard to relax.', 'User finds it hard to relax'],
  ['I love the sea.', 'User loves the sea'],
  ['I love the idea of living abroad.', 'User loves the idea of living abroad'],
  ['I have respiratory problems.', 'User has respiratory problems'],
  ['I have a flight to Oslo on 4 May.', 'User has a flight to Oslo on 4 May 2027'],
  ['I had surgery in 2019.', 'User had surgery in 2019'],
  ['I have freckles.', 'User has freckles'],
  ['I can style beards.', 'User can style beards'],
  ["I can't paint.", 'User cannot paint'],
  ["I can't handle loud music.", 'User cannot handle loud music'],
  ["I can't eat gluten.", 'User cannot eat gluten'],
  ['I would prefer a window seat.', 'User would prefer a window seat'],
  ['I will never eat snails.', 'User will never eat snails'],
  ["I won't wear fur.", 'User will not wear fur'],
  ['I must avoid nuts.', 'User must avoid nuts'],
  ['I have to wear sunglasses outdoors.', 'User has to wear sunglasses outdoors'],
  ["I'm going to move to Oslo in May.", 'User is going to move to Oslo in May 2027'],
  ["I'm going to be a father.", 'User is going to be a father'],
  ['I will visit Oslo in May.', 'User will visit Oslo in May 2027'],
  ['I never learned to drive.', 'User never learned to drive'],
  ['I lost my sight in 2010.', 'User lost their sight in 2010'],
  ['I lost my job in March.', 'User lost their job in March 2026'],
  ['I broke my arm in March.', 'User broke their arm in March 2026'],
  ['I named my boat Dora.', 'User named their boat Dora'],
  ['I met my wife in Oslo.', 'User met their wife in Oslo'],
  ['I learned to knit.', 'User learned to knit'],
  ['I became a vegan in 2020.', 'User became a vegan in 2020'],
  ['I chose law over medicine.', 'User chose law over medicine'],
  ['I turned 30 in May.', 'User turned 30 in May 2026'],
  ['I joined a choir last month.', 'User joined a choir in October 2026'],
  ['I left Acme in 2020.', 'User left Acme in 2020'],
  ['I bought a house.', 'User bought a house'],
  ['I got a new job at Acme.', 'User got a new job at Acme'],
  ['I got promoted last month.', 'User got promoted in October 2026'],
  ['I dropped out of university.', 'User dropped out of university'],
  ['I changed jobs last year.', 'User changed jobs in 2025'],
  ['I started at Acme in May.', 'User started at Acme in May 2026'],
  ['I started learning Greek.', 'User started learning Greek'],
  ['I started university in 2010.', 'User started university in 2010'],
  ['I started my own company in 2015.', 'User started their own company in 2015'],
  ['I stopped smoking in 2015.', 'User stopped smoking in 2015'],
  ['I lived in Oslo for three years.', 'User lived in Oslo for three years'],
  ['I won a scholarship in 2012.', 'User won a scholarship in 2012'],
  ["I'm training to be a pilot.", 'User is training to be a pilot'],
  ["I'm expecting twins.", 'User is expecting twins'],
  ["I'm raising three boys.", 'User is raising three boys'],
  ["I'm running a small farm.", 'User is running a small farm'],
  [
    "I'm teaching a course on birds next month.",
    'User is teaching a course on birds in December 2026',
  ],
  ["I'm saving for a boat.", 'User is saving for a boat'],
  ["I'm using Emacs for notes.", 'User is using Emacs for notes'],
  ["I'm trying to quit smoking.", 'User is trying to quit smoking'],
  ["I'm taking pottery classes.", 'User is taking pottery classes'],
  [
    "I'm taking my driving test next week.",
    'User is taking their driving test in the week of 30 November 2026',
  ],
  ["I'm visiting my aunt in May.", 'User is visiting their aunt in May 2027'],
  ["I'm living on a boat.", 'User is living on a boat'],
  ["I'm writing `tinydb`, a small database.", 'User is writing `tinydb`, a small database'],
  ["I've been to Oslo twice.", 'User has been to Oslo twice'],
  ["I've been sober for two years.", 'User has been sober for two years (since about 2024)'],
  ["I've been diagnosed with ADHD.", 'User has been diagnosed with ADHD'],
  ["I've always loved trains.", 'User has always loved trains'],
  ["I've never smoked.", 'User has never smoked'],
  ["I've decided to learn Greek.", 'User has decided to learn Greek'],
  ["I've known Ana for ten years.", 'User has known Ana for ten years (since about 2016)'],
  ["I've retired.", 'User has retired'],
  ["I've been volunteering at a shelter.", 'User has been volunteering at a shelter'],
  ['I was a pilot.', 'User was a pilot'],
  ['I was born and raised in Quito.', 'User was born and raised in Quito'],
  ['I was raised by my aunt.', 'User was raised by their aunt'],
  ["I'm one of six children.", 'User is one of six children'],
  ["I'm over 50.", 'User is over 50'],
  ["I'm interested in astronomy.", 'User is interested in astronomy'],
  ["I'm good with numbers.", 'User is good with numbers'],
  ["I'm new to gardening.", 'User is new to gardening'],
  ["I'm self-taught.", 'User is self-taught'],
  ["I'm fluent in Basque and good at maths.", 'User is fluent in Basque and good at maths'],
  ["I'm bilingual.", 'User is bilingual'],
  ["I'm single.", 'User is single'],
  ["I'm used to cold weather.", 'User is used to cold weather'],
  ['My sister can juggle.', "User's sister can juggle"],
  ['My brother used to smoke.', "User's brother used to smoke"],
  ['My brother is studying law.', "User's brother is studying law"],
  ['My brother is getting married in May.', "User's brother is getting married in May 2027"],
  ['My sister is 30.', "User's sister is 30"],
  ['My brother is my best friend.', "User's brother is the user's best friend"],
  ['My mother comes from Quito.', "User's mother comes from Quito"],
  ['My grandfather founded the company.', "User's grandfather founded the company"],
  [
    'My parents have been married for forty years.',
    "User's parents have been married for forty years",
  ],
  ['My brother is in the army.', "User's brother is in the army"],
  ['My sister is the oldest.', "User's sister is the oldest"],
  ['My parents are doctors.', "User's parents are doctors"],
  ['My aunt was a pilot.', "User's aunt was a pilot"],
  ['My hobby is pottery.', "User's hobby is pottery"],
  ['My dream is to sail around the world.', "User's dream is to sail around the world"],
  ['My biggest fear is spiders.', "User's biggest fear is spiders"],
  ['My preferred name is Bo.', "User's preferred name is Bo"],
  ['My car is a 2012 Saab.', "User's car is a 2012 Saab"],
  ['My eyes are green.', "User's eyes are green"],
  ['My wedding anniversary is on 4 May.', "User's wedding anniversary is on 4 May"],
  ['My dissertation is hosted on Zenodo.', "User's dissertation is hosted on Zenodo"],
  ['My garden has three apple trees.', "User's garden has three apple trees"],
  ['My favourite thing is sleeping.', "User's favourite thing is sleeping"],
  ["My neighbour's dog bites us.", "User's neighbour's dog bites the user"],
  ['I think that my boss likes me.', "User's boss likes the user"],
]

const REMEMBERED: Readonly<Record<string, readonly Row[]>> = {
  identity: IDENTITY,
  people: PEOPLE,
  work: WORK,
  projects: PROJECTS,
  preferences: PREFERENCES,
  instructions: INSTRUCTIONS,
  skills: SKILLS,
  events: EVENTS,
  changes: CHANGES,
  'requests to remember': REQUESTS,
  'the rest of a life': MORE,
}

/** What is said and yields nothing. */
const QUESTIONS = [
  "What's the name of my pet?",
  'Do I like sushi?',
  'Can you tell me where I live?',
  'should I use tabs?',
  'Where do I work',
  'what is my favourite colour',
  'who is my sister',
  'Do you remember my name?',
  'Can you remember my name?',
  'Remember that photo I showed you?',
  'Do you know what my job is?',
  'Am I allergic to anything?',
  'Is my name Sam?',
  "Isn't my sister called Nadia?",
  'How old am I',
  'Which editor do I use?',
  'Did I tell you I live in Rome?',
  'I live in Rome, right?',
  'Have I mentioned that I work at Acme?',
  'Could you remind me what my dog is called?',
  'Any idea where I live?',
  'When is my flight to Tokyo?',
  'What would you recommend if I am vegan?',
]

const TASKS = [
  'Convert 72 F to C',
  'explain quicksort',
  'I want you to write a poem',
  'I need a function that sorts a list',
  "I'd like a list of good books",
  'help me with my resume',
  'I want a recipe for lasagne',
  'Tell me a joke about my cat',
  'Please write an email to my boss',
  "I'm looking for a recipe with chickpeas",
  "I'm trying to fix a failing test",
  'I need help with my homework',
  "I'd love some suggestions for a hike",
  'Write a story about my dog',
  'Give me five names for my bakery',
  'Use recursion in this function',
  "Don't change the signature of this method.",
  'Make the button blue',
  "Let's refactor the parser",
  'Show me how I can deploy this',
  'I want to know how tides work',
  "I'm interested in buying a laptop",
  "I'm thinking about what to cook tonight",
  'I would appreciate some feedback on my draft',
  'Remember to close the file handle in this function',
  'I want to become better at this, can you help me',
  "I'm planning a trip to Rome. What should I see?",
  "I'm visiting Oslo next month. Any tips?",
  "I'm a big foodie. Can you recommend a restaurant?",
  'Remember to write the tests first',
  'Fix this function. Note that it returns a promise.',
  'Let me know if I can help',
  "I'd prefer the shorter version",
  'I want the button to be centered',
  'I need to deploy by Friday',
]

const SMALL_TALK = [
  'Hi!',
  'hello there',
  'Thanks, that was great.',
  "I'm fine",
  "I'm fine, thanks",
  "I'm sorry",
  "I'm sorry to hear that",
  'I think so',
  'I see',
  'I see what you mean',
  "I'm not sure",
  'I guess',
  'I guess so',
  'I was wondering if you could help',
  'I have a question',
  'I have another question about this',
  'I agree',
  'I understand',
  'I hope you are well',
  'I know',
  "I know that it's late",
  'I like that',
  'I love it!',
  'I love your idea',
  'I like this version better',
  'I appreciate your help',
  "I can't believe it",
  "I can't wait",
  'I mean it',
  "I'm back",
  "I'm here",
  "I'm done",
  "I'm OK",
  "I'm Done",
  "I'm just kidding",
  'No worries',
  'Good morning',
  'My pleasure',
  'My bad',
  'I love to',
  'I believe in you!',
  "Don't forget, you got this!",
  'I have no idea',
  "I don't know",
  "I don't think so",
  "I'm a bit confused",
  "I'm in a hurry",
  'I do.',
  'I did that already.',
  'I said I live in Rome.',
  'I like your tone.',
  'I love how you explained that.',
  'I prefer the first one.',
  'I prefer option B.',
  "I'm Sorry Dave.",
  "I'm Curious about this.",
  'My name is irrelevant.',
  'My favorite is the second one.',
  "I'm on it.",
  "I'm with you.",
  "I don't care.",
  "I'd go with option A.",
  "I must say, I'm impressed.",
  'I know what you mean.',
  "I don't understand recursion.",
]

const PASSING = [
  "I'm tired today",
  "I'm hungry",
  "I'm so happy right now",
  "I'm stuck",
  'I have a headache',
  "I'm in a meeting",
  'I went to the shop',
  'I had pasta for lunch',
  'I saw a film yesterday',
  "I'm getting an error",
  'I ran the tests and two failed',
  'My code is not working',
  'My build is failing',
  'My screen went black',
  'My head hurts',
  'My question is about tides',
  'My API returns 404',
  'I tried your suggestion',
  'I clicked the button and nothing happened',
  'I have a list of numbers',
  'I have a function that returns a promise',
  'I have a meeting at three',
  "I'm having trouble with the login page",
  "I'm using this function in a loop",
  'I use this method to parse the file',
  'I set up a server',
  'My son is asleep',
  'My boss is angry',
  'My wife just called',
  'My mum said that it will rain',
  'My friend says he likes jazz',
  'My brother asked me to help',
  'My sister wants me to visit',
  "I'm 5 minutes late",
  "I'm 90% sure",
  'I got a 500 error',
  'I put the file in the folder',
  'I think the second option is better',
  'I feel sick',
  'I need to sleep',
  'I have a React component that renders a list.',
  'I have two tables, users and orders.',
  'I use useEffect to fetch the data but it runs twice.',
  'I run npm install and it hangs.',
  "I'm using React 18 and getting this warning.",
  'I added a new column to the table.',
  "I've read the docs but I still don't get it.",
  "I've been debugging this for two hours.",
  'My Docker container exits immediately.',
  'My tests pass locally but fail in CI.',
  'My query takes 10 seconds.',
  'My professor wants us to use Java.',
  'My goal is to finish this today.',
  'My guess is that the cache is stale.',
  'My PR got merged.',
  'Our build broke yesterday.',
  'We have a bug in production.',
  'We should use Postgres.',
  'I hate this bug.',
  'I am reading a book.',
  'I am going to the dentist.',
  'I am going to refactor this.',
  'I will try that.',
  'I can see the error now.',
  'I have to submit this by Monday.',
  'I know Python is slow.',
  "I don't remember this.",
  "I don't like this answer.",
  'I met Tom yesterday.',
  'I went to Paris last week.',
  'I bought milk.',
  'I finished the book.',
  'I started getting errors.',
  'I moved the function into utils.ts.',
  'I switched to the main branch.',
  'I replaced foo with bar.',
  'I changed my mind.',
  'I lost my keys.',
  'I am in Berlin this week.',
  'I am 3 chapters in.',
  'My wife is out of town.',
  "My wife thinks I'm crazy.",
  'My kids are sleeping.',
  'My dog is sick.',
  'My car is in the shop.',
  'My phone died.',
  'My company is hiring.',
]

const HYPOTHETICAL = [
  'If I were rich I would live in Rome',
  "If I'm late I take the bus",
  'Suppose I live in Paris',
  'Imagine that I am a pirate',
  "Pretend I'm a doctor",
  "Let's say my name is Bob",
  'Assume that I use Windows',
  'What if I lived in Oslo',
  'I would live in Rome',
  'I might move to Oslo',
  'I wish I lived in Rome',
  'Maybe I like jazz',
  "Let's play a game. I am a wizard and my name is Mordo.",
  'Imagine a story. My name is Jack and I live in Paris.',
  'You are a pirate. I am your captain and my ship is called Dora.',
  'Act as an interviewer. I work at Initech.',
  'Perhaps I am allergic to nuts',
  "I'd be happy if I lived by the sea",
  'Hypothetically, I own a castle.',
  'For example, I live in Rome.',
  'Unless I am mistaken, it rains',
]

const QUOTED = [
  'He said "I live in Rome"',
  'She wrote: "My name is Bob and I love Vim"',
  'The song goes “I love rock and roll”',
  "My colleague told me 'I hate tabs'",
  '"I live in Rome"',
  'Translate this: I live in Rome',
  'Translate to French: I am a nurse and my name is Bob',
  'Summarize: I work at Acme and I love it there.',
  'Rewrite the following\nI live in Rome and I work at Acme.',
  'Here is an email:\nI am a nurse. My name is Bob.',
  'Fix the grammar: i live in rome since ten years',
  'I live in Rome. Translate this to German.',
  '> I live in Rome\n> I prefer tabs',
  '```\nI live in Rome\n```',
  '```ts\nconst a = "I live in Rome"\n// I prefer tabs\n',
  'The code has `I live in Rome` in it',
  '<letter>My name is Bob. I live in Rome.</letter>',
  '<document>\nMy name is Bob.\n\nI live in Rome.',
  '{\n  "bio": "I live in Rome",\n  "name": "My name is Bob"\n}',
  'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: I live in Rome',
  'TypeError: x is undefined\n    at I live (in.js:1:2)\n    at main (app.js:3:4)',
  'Dear Ms Ives,\nMy name is Bob. I live in Rome.\nKind regards,\nBob',
  'Alice: I live in Rome\nBob: I prefer tabs',
  'User: my name is Bob\nAssistant: Hi Bob',
  'Proofread my cover letter:\n\nMy name is Bob. I work at Acme.',
  'Summarize the following article.\n\nI live in Rome. I love my job.',
  'On Monday Bob wrote:\nI live in Rome',
  'How do you say in Italian: I live in Rome',
]

const UNWANTED = [
  "Don't remember this: I live in Rome",
  "Please don't remember this, but my sister is called Nadia.",
  'Do not save this. I live in Rome.',
  "I live in Rome. Don't remember that.",
  'Forget that I said I live in Rome',
  'Off the record, I work at Acme.',
  'Never mind what I said about tabs',
]

const SECRETS = [
  'My password is hunter2',
  'Remember that my password is correct-horse-battery',
  'Remember that the API key is sk-proj-4fG7hJ9kLmN2pQ5rS8tV',
  'please note that my PIN is 4711',
  'My card number is 4111 1111 1111 1111',
  'Remember: the database is at postgres://admin:s3cr3t@db.example.com/app',
  'Keep in mind that our token is ghp_abcdefghijklmnopqrstuvwxyz0123456789',
]

const IGNORED: Readonly<Record<string, readonly string[]>> = {
  questions: QUESTIONS,
  tasks: TASKS,
  'small talk': SMALL_TALK,
  'passing states': PASSING,
  hypotheticals: HYPOTHETICAL,
  'quoted and pasted text': QUOTED,
  'what is not to be kept': UNWANTED,
  secrets: SECRETS,
}

describe('extractByRules', () => {
  for (const [theme, rows] of Object.entries(REMEMBERED)) {
    describe(`finds ${theme}`, () => {
      test.each(rows.map(([said, ...memories]) => [said, memories] as const))(
        '%j',
        (said, memories) => {
          expect(contents(said)).toEqual([...memories])
        },
      )
    })
  }

  for (const [theme, sentences] of Object.entries(IGNORED)) {
    describe(`leaves out ${theme}`, () => {
      test.each(sentences.map((said) => [said] as const))('%j', (said) => {
        expect(contents(said)).toEqual([])
      })
    })
  }

  test('reads only turns of the user', () => {
    const roles: Role[] = ['assistant', 'tool', 'system']
    for (const role of roles) {
      expect(extractByRules([turn('I live in Rome.', role)], NOW)).toEqual([])
    }
  })

  test('tells where a memory comes from, in the words that were said', () => {
    const said = 'Thanks!\n\n- My sister is  called Nadia.\n'
    const [candidate] = extract(said)
    expect(candidate).toEqual({
      content: "User's sister is called Nadia",
      category: 'profile',
      confidence: 0.85,
      origin: 'user',
      turnId: `turn_${count}`,
      quote: 'My sister is  called Nadia.',
      slot: null,
      replaces: false,
      validFrom: null,
      expiresAt: null,
    })
  })

  test.each([
    ['I prefer tabs.', 'preferences'],
    ['I know Rust.', 'skills'],
    ["I'm building a compiler.", 'projects'],
    ['We use Postgres.', 'projects'],
    ['I live in Rome.', 'profile'],
    ['Actually, I live in Rome.', 'corrections'],
    ['Remember that the office closes at six.', 'general'],
    ['Please always answer in German.', 'preferences'],
  ] as const)('files %j under %s', (said, category) => {
    expect(extract(said).map((candidate) => candidate.category)).toEqual([category])
  })

  test.each([
    ['I live in Rome.', 'user home'],
    ["I'm Sam.", 'user name'],
    ['My favourite colour is teal.', 'user favourite color'],
    ['I also live in Rome.', null],
    ['I live in Rome too.', null],
    ['My brother is called Tom.', null],
    ['I like tea.', null],
  ] as const)('gives %j the slot %j', (said, slot) => {
    expect(extract(said)[0]?.slot).toBe(slot)
  })

  test.each([
    'I no longer use Vim.',
    'Actually, I live in Paris.',
    'I moved to Paris.',
    'I switched from npm to Bun.',
    "I don't smoke anymore.",
    'Correction: my sister is called Nadine.',
  ])('marks %j as a change', (said) => {
    expect(extract(said).map((candidate) => candidate.replaces)).toEqual([true])
  })

  test('knows since when', () => {
    expect(extract('I moved to Lisbon last year.')[0]?.validFrom).toBe(Date.UTC(2025, 0, 1))
    expect(extract('I have lived in Malmö since 2015.')[0]?.validFrom).toBe(Date.UTC(2015, 0, 1))
    expect(extract("I've been playing piano for ten years.")[0]?.validFrom).toBe(
      Date.UTC(2016, 0, 1),
    )
    expect(extract('I live in Rome.')[0]?.validFrom).toBeNull()
  })

  test('lets an event expire a month after it, and nothing else', () => {
    expect(extract('My flight to Tokyo is on 12 March.')[0]?.expiresAt).toBe(
      Date.UTC(2027, 2, 13 + 30),
    )
    expect(extract("I'm getting married in June.")[0]?.expiresAt).toBe(Date.UTC(2027, 6, 1 + 30))
    expect(extract('My birthday is on 12 March.')[0]?.expiresAt).toBeNull()
    expect(extract('I moved to Lisbon last year.')[0]?.expiresAt).toBeNull()
  })

  test('gives no expiry to an event that was over before it was read', () => {
    const imported = turn('My flight to Tokyo is on 12 March.', 'user', Date.UTC(2020, 0, 5))
    const [candidate] = extractByRules([imported], NOW)
    expect(candidate?.content).toBe("User's flight to Tokyo is on 12 March 2020")
    expect(candidate?.expiresAt).toBeNull()
  })

  test('is more reserved in a turn that asks for something', () => {
    expect(contents("I'm planning a trip to Rome.")).toEqual(['User is planning a trip to Rome'])
    expect(contents("I'm planning a trip to Rome. What should I see?")).toEqual([])
    expect(contents('I have a nut allergy. What can I eat in Rome?')).toEqual([
      'User has a nut allergy',
    ])
  })

  test('keeps the words of a name, a number, code and a quotation', () => {
    expect(contents('I prefer `bun test` over `npm test`.')).toEqual([
      'User prefers `bun test` over `npm test`',
    ])
    expect(contents('My favourite book is "The Left Hand of Darkness".')).toEqual([
      `User's favourite book is "The Left Hand of Darkness"`,
    ])
    expect(contents('I use Node.js 22.4 with C++ add-ons.')).toEqual([
      'User uses Node.js 22.4 with C++ add-ons',
    ])
  })

  test('finds a statement beside pasted text, and not the one in it', () => {
    expect(contents("I'm a nurse.\n\n```\nI live in Rome\n```\nI prefer short answers.")).toEqual([
      'User is a nurse',
      'User prefers short answers',
    ])
    expect(contents("I'm a nurse.\nTranslate this: I live in Rome.")).toEqual(['User is a nurse'])
  })

  const block = (inner: string): string => `<engram-memory>\n${inner}\n</engram-memory>`

  test.each([
    block('User lives in Rome. I live in Rome.'),
    `<engram-memory version="1" count="2">I live in Rome.</engram-memory>`,
    '&lt;engram-memory&gt;I live in Rome.&lt;/engram-memory&gt;',
    '\\u003cengram-memory\\u003eI live in Rome.\\u003c/engram-memory\\u003e',
    '<engram-memory>\nI live in Rome.',
    'I live in Rome.\n</engram-memory>',
    '<ENGRAM-MEMORY>I live in Rome.</ENGRAM-MEMORY>',
  ])('learns nothing from what was injected: %j', (injected) => {
    expect(contents(injected)).toEqual([])
  })

  test('learns what stands beside an injected block', () => {
    expect(contents(`I'm a nurse.\n${block('I live in Rome.')}\nI prefer tea.`)).toEqual([
      'User is a nurse',
      'User prefers tea',
    ])
  })

  test('stops at its limits', () => {
    const many = (n: number): string =>
      Array.from({ length: n }, (_, i) => `I live in Town${i}.`).join(' ')
    expect(extract(many(50))).toHaveLength(MAX_PER_TURN)
    const turns = Array.from({ length: 10 }, (_, k) => many(20).replaceAll('Town', `Town${k}x`))
    expect(extract(...turns)).toHaveLength(MAX_PER_CALL)
  })

  test('says the same only once', () => {
    expect(contents('I live in Rome. I live in Rome.', 'I live in Rome.')).toEqual([
      'User lives in Rome',
    ])
  })

  test('reads nothing behind the window', () => {
    expect(contents(`${'Nothing to see. '.repeat(5000)}I live in Rome.`)).toEqual([])
  })
})

// Properties

const NAMES = ['Nadia', 'Okonkwo', 'Łukasz', 'Zoë', 'Brünnhilde', 'McKay', 'Jean-Luc']
const name = fc.constantFrom(...NAMES)
const number = fc.integer({ min: 2, max: 2_000_000 }).map(String)

describe('for any words', () => {
  test('a rewritten statement keeps its names and numbers', () => {
    const shapes = fc.constantFrom<(a: string, n: string) => string>(
      (a, n) => `I own ${n} records by ${a} and I love ${a}.`,
      (a, n) => `My sister ${a} has ${n} goats.`,
      (a, n) => `I work at ${a} ${n}.`,
      (a, n) => `We use ${a} ${n} at work, but I prefer ${a} ${n}.`,
      (a, n) => `Remember that ${a} owes ${n} coins.`,
      (a, n) => `My favourite number is ${n}, said ${a}.`,
      (a, n) => `When ${a} is here, I drink ${n} cups of tea.`,
    )
    fc.assert(
      fc.property(shapes, name, number, (shape, a, n) => {
        const all = contents(shape(a, n)).join('\n')
        expect(all).toContain(a)
        expect(all).toContain(n)
      }),
    )
  })

  const soup = fc.array(
    fc.oneof(
      fc.constantFrom(
        ...'I I my we our am is are have prefer live in at work and but so because not never "," "." ? ! : ; - Sam Rome tabs 42 remember that this it you sister called "quoted words" `code` <b> </b> <engram-memory> </engram-memory> ```'.split(
          ' ',
        ),
        '\n',
        'translate this:',
        "I'm",
        "don't",
      ),
      fc.string({ maxLength: 12 }),
    ),
    { maxLength: 60 },
  )

  test('every candidate quotes its turn and keeps to the rules of its type', () => {
    fc.assert(
      fc.property(soup, (pieces) => {
        const message = pieces.join(' ')
        for (const candidate of extract(message)) {
          expect(message).toContain(candidate.quote)
          expect(candidate.content.trim()).toBe(candidate.content)
          expect(candidate.content).not.toBe('')
          expect(candidate.confidence).toBeGreaterThan(0)
          expect(candidate.confidence).toBeLessThanOrEqual(1)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('nothing from inside an injected block comes out', () => {
    const inner = soup.map((pieces) => pieces.join(' ').replaceAll(/<\/?engram-memory>/g, ' '))
    fc.assert(
      fc.property(soup, inner, soup, (before, inside, after) => {
        const marked = `I live in Secretville. My sister is called Secretia. Remember that it is Secretday. ${inside}`
        const clean = (pieces: readonly string[]): string =>
          pieces.join(' ').replaceAll(/engram/g, '')
        const message = `${clean(before)}<engram-memory>${marked}</engram-memory>${clean(after)}`
        expect(contents(message).join('\n')).not.toContain('Secret')
      }),
      { numRuns: 300 },
    )
  })

  test('a question is never a memory', () => {
    const statements = [...IDENTITY, ...PEOPLE, ...WORK, ...PREFERENCES].map(([said]) => said)
    const openings = fc.constantFrom(
      'Did I say: ',
      'Is it true that ',
      'Why do you think ',
      'How do you know ',
    )
    fc.assert(
      fc.property(fc.constantFrom(...statements), openings, (said, opening) => {
        const single = said.replace(/[.!]/g, ',').replace(/,+$/, '')
        expect(contents(`${opening}${single}?`)).toEqual([])
      }),
    )
  })

  test('the work grows with the length, not with its square', () => {
    const shapes = [
      'a',
      '"',
      '`',
      " '",
      '<a ',
      '<engram-memory ',
      '</engram-memory>',
      '&lt;',
      'translate ',
      'my ',
      'I, ',
      'I live in Rome and ',
      '. ',
      '{\n',
      '\n',
      '\r\n',
      ' \n',
      '\t',
      ':\n',
      ',,',
      'hi,',
      "i'm ",
      'remember ',
      'please ',
      'in 3 ',
      'A1b2',
      'a@',
      '```\n',
      'Bob: x\n',
      'dear x,\n',
      'the following ',
      'for about ',
      '漢字',
      'é',
      '4',
      '1,',
      'password is ',
      'here is an email ',
      'when I ',
      'not ',
      'since ',
      '- ',
      '> ',
      '| ',
      '\\(',
      'never ',
      'so ',
    ]
    const milliseconds = (text: string): number => {
      let best = Number.POSITIVE_INFINITY
      for (let run = 0; run < 3; run++) {
        const start = performance.now()
        extract(text)
        best = Math.min(best, performance.now() - start)
      }
      return best
    }
    for (const shape of shapes) {
      const text = (length: number): string =>
        shape.repeat(Math.ceil(length / shape.length)).slice(0, length)
      const short = milliseconds(text(7_500))
      const long = milliseconds(text(60_000))
      // eight times the text; a square would take sixty-four times as long
      expect([shape, long < 30 * short + 20]).toEqual([shape, true])
    }
  })

  test('a hundred thousand characters are no burden', () => {
    const start = performance.now()
    extract(
      'I live in Rome and I like tea; my sister, who is called Nadia, works at Acme. '.repeat(
        1_300,
      ),
    )
    expect(performance.now() - start).toBeLessThan(2_000)
  })
})
