/** What somebody said, what they said later about the same thing, and a question about what holds now. */
export type Changed = readonly [earlier: string, later: string, question: string]

/** The rules of `memory/newest-first.ts` and `memory/says-changed.ts` were written with these at hand. */
export const CHANGES_TUNED_ON: readonly Changed[] = [
  ['My landlord is Mr. Silva.', 'The landlord is now Mrs. Costa.', 'Who is my landlord?'],
  ['My manager is Tom.', 'My new manager is Alice.', 'Who is my manager?'],
  ['My manager is Tom.', 'Alice is my manager now.', 'Who is my manager?'],
  ['I drive a Volvo.', 'I sold the Volvo and bought a Tesla.', 'What car do I drive?'],
  ['I drive a Volvo.', 'I now drive a Tesla.', 'What car do I drive?'],
  [
    "My favourite restaurant is Luigi's.",
    'My favourite restaurant is now Sakura.',
    'What is my favourite restaurant?',
  ],
  [
    'We use MySQL in production.',
    'We migrated production to Postgres.',
    'Which database do we use in production?',
  ],
  [
    'We use MySQL in production.',
    'We now use Postgres in production.',
    'Which database do we use in production?',
  ],
  ["I'm using Vim.", 'I switched from Vim to Helix.', 'Which editor do I use?'],
  ['My doctor is Dr. Meyer.', 'My doctor is now Dr. Lang.', 'Who is my doctor?'],
  ['I live in Lisbon, near the river.', 'I moved to Porto in June.', 'Where do I live?'],
  ['I live in Lisbon.', 'I live in Porto now.', 'Where do I live?'],
  ['I live in Lisbon with my wife.', 'We moved to Porto.', 'Where do I live?'],
  ['My rent is 900 euros.', 'The rent went up to 980 euros.', 'How much is my rent?'],
  ['The standup is at 9:30.', 'The standup moved to 10:00.', 'When is the standup?'],
  ['The release is planned for 3 May.', 'The release slipped to 17 May.', 'When is the release?'],
  ['My phone is an iPhone 12.', 'I got a Pixel 9 to replace my iPhone.', 'Which phone do I have?'],
  ['My girlfriend is Anna.', 'Anna and I broke up.', 'Who is my girlfriend?'],
  ['I work at Siemens.', 'I left Siemens and joined Brightloom.', 'Where do I work?'],
  ['I work at Siemens.', 'I started at Brightloom this week.', 'Where do I work?'],
  [
    'I take 50 mg of sertraline.',
    'My sertraline dose is 100 mg since Monday.',
    'What is my sertraline dose?',
  ],
  ['I weigh 82 kg.', "I'm down to 78 kg.", 'How much do I weigh?'],
  ['Our team has 5 people.', 'Our team grew to 8 people.', 'How big is our team?'],
  ['My gym is FitX.', 'I changed gyms to McFit.', 'Which gym do I go to?'],
  [
    'My password manager is LastPass.',
    'I moved to Bitwarden as my password manager.',
    'Which password manager do I use?',
  ],
  ['I prefer tabs.', 'I prefer spaces.', 'Do I prefer tabs or spaces?'],
  [
    'User prefers tea in the morning.',
    'User prefers coffee in the morning.',
    'What do I drink in the morning?',
  ],
  [
    'The API base URL is https://a.example.com.',
    'The API base URL is https://b.example.com.',
    'What is the API base URL?',
  ],
  [
    "My son's teacher is Ms. Braun.",
    "My son's teacher is now Mr. Koch.",
    "Who is my son's teacher?",
  ],
  [
    'The CEO of our company is Paul.',
    'The CEO of our company is Dana since March.',
    'Who is our CEO?',
  ],
  ['I have two cats.', 'I have three cats now.', 'How many cats do I have?'],
  [
    'My dentist appointment is on Tuesday.',
    'My dentist appointment was moved to Friday.',
    'When is my dentist appointment?',
  ],
  [
    'The deploy branch is main.',
    'The deploy branch is release.',
    'Which branch do we deploy from?',
  ],
  ['I am vegetarian.', 'I eat meat again.', 'Am I vegetarian?'],
]

/**
 * Written down before the rules; of these the rules as first written put 27 of 30 right, after which two of
 * their bounds were set anew.
 */
export const CHANGES_HELD_OUT: readonly Changed[] = [
  ['My boss is Karen.', 'My boss is Priya now.', 'Who is my boss?'],
  ['I bank with Barclays.', 'I switched to Monzo.', 'Which bank do I use?'],
  ['I drive to work.', 'I take the train to work now.', 'How do I get to work?'],
  ['My laptop is a ThinkPad.', 'I replaced the ThinkPad with a MacBook.', 'What laptop do I have?'],
  [
    'The project uses React.',
    'The project moved from React to Svelte.',
    'Which framework does the project use?',
  ],
  ['I run 5 km every morning.', 'I run 8 km every morning now.', 'How far do I run?'],
  ['My flight is on 4 June.', 'The flight was rebooked to 6 June.', 'When is my flight?'],
  ['I live in Graz.', 'We relocated to Vienna last month.', 'Where do I live?'],
  ['My email is sam@old.example.', 'My email changed to sam@new.example.', 'What is my email?'],
  ["I'm reading Dune.", 'I finished Dune and started Hyperion.', 'Which book am I reading?'],
  ['Lunch is at noon.', 'Lunch is at 12:30 from now on.', 'When is lunch?'],
  ['I work for Acme.', 'I quit Acme and work for Initech.', 'Who do I work for?'],
  ['The budget is $5,000.', 'The budget was cut to $4,000.', 'What is the budget?'],
  ['My trainer is Leo.', 'My trainer is Mia since January.', 'Who is my trainer?'],
  ['I am single.', 'I got married in May.', 'Am I married?'],
  ['We deploy on Fridays.', 'We deploy on Tuesdays instead of Fridays.', 'When do we deploy?'],
  ['My flatmate is Jonas.', 'Jonas moved out and Erik moved in.', 'Who is my flatmate?'],
  [
    'I use Slack at work.',
    'We moved from Slack to Teams at work.',
    'Which chat tool do we use at work?',
  ],
  ['I study biology.', 'I changed my major from biology to physics.', 'What do I study?'],
  ['My car insurance is with Allianz.', 'I moved my car insurance to Axa.', 'Who insures my car?'],
  [
    'The server runs Ubuntu 22.04.',
    'The server was upgraded to Ubuntu 24.04.',
    'Which Ubuntu does the server run?',
  ],
  ['I sleep 6 hours a night.', 'I sleep 8 hours a night these days.', 'How much do I sleep?'],
  ['Our office is in Munich.', 'Our office moved to Berlin.', 'Where is our office?'],
  ['My team lead is Omar.', 'Omar left, my team lead is Ines.', 'Who is my team lead?'],
  [
    'I pay 12 euros for Netflix.',
    'Netflix raised its price to 15 euros.',
    'How much do I pay for Netflix?',
  ],
  ['My therapist is Dr. Wolf.', 'I see a new therapist, Dr. Stein.', 'Who is my therapist?'],
  [
    "I'm learning Spanish.",
    'I stopped Spanish and now learn Italian.',
    'Which language am I learning?',
  ],
  ['My deadline is Friday.', 'My deadline got extended to Monday.', 'When is my deadline?'],
  ['I use an iPad for notes.', 'I take notes on paper now.', 'What do I take notes with?'],
  [
    'The default branch is master.',
    'We renamed the default branch from master to main.',
    'What is the default branch?',
  ],
]
