/**
 * What somebody might have told, and a question that it answers: pairs whose cosines say on what scale a model
 * gives them. Some share words, most do not; the languages that people mix are among them on purpose only in
 * English, since the scale of `minilm`, which reads English, is what others are brought to.
 */
export const PROBE_PAIRS: readonly (readonly [question: string, statement: string])[] = [
  ['What should I cook for dinner tonight?', 'User is a vegetarian and avoids dairy products.'],
  ['Which editor do I use at work?', 'User writes code in Neovim and dislikes heavy IDEs.'],
  [
    'When is my sister’s wedding?',
    'The wedding of the user’s sister Ida takes place on 12 June in Bergen.',
  ],
  ['Can you suggest a present for my father?', 'The user’s father collects old railway maps.'],
  ['Where do I live now?', 'User moved from Leeds to Porto in March.'],
  ['How do I like my coffee?', 'User drinks espresso without sugar.'],
  ['What is our database at the office?', 'The team runs PostgreSQL 16 behind PgBouncer.'],
  ['Recommend a book for my holiday.', 'User enjoys long Scandinavian crime novels.'],
  ['Does anything I eat make me ill?', 'User is allergic to peanuts and shellfish.'],
  ['What are my plans for the weekend?', 'User is going to repaint the kitchen on Saturday.'],
  ['What is the name of my dog?', 'User has a border collie called Pixel.'],
  [
    'How should I get to the conference?',
    'User is afraid of flying and takes trains whenever possible.',
  ],
  ['What did the doctor tell me?', 'User was advised to rest the left knee for six weeks.'],
  ['Which instrument am I learning?', 'User started taking cello lessons in autumn.'],
  ['How much can I spend on a laptop?', 'User has a budget of 1,200 euros for a new computer.'],
  ['Who is my manager?', 'User reports to Priya Raman since the reorganisation.'],
  ['What language should the report be in?', 'User’s colleagues in Lyon read French only.'],
  ['Help me plan a workout.', 'User runs ten kilometres three times a week.'],
  ['What music shall I put on?', 'User works best with quiet piano music.'],
  ['When do I have to renew my passport?', 'The user’s passport expires in February 2028.'],
  [
    'Which tests fail on our build server?',
    'The nightly build breaks because of a flaky upload test.',
  ],
  [
    'What colour did we choose for the bedroom?',
    'User and partner decided on a pale green for the bedroom walls.',
  ],
  ['How old are my children?', 'User has twins who turned seven in May.'],
  [
    'What style do I want in code reviews?',
    'User prefers short and direct comments without praise.',
  ],
  [
    'Which countries have I visited?',
    'User spent two months in Vietnam and Laos after university.',
  ],
  ['What do I study?', 'User is in the second year of a degree in marine biology.'],
  ['Is there something I never want to watch?', 'User cannot stand horror films.'],
  ['What car do I drive?', 'User owns a ten-year-old Skoda estate.'],
  ['What time should we meet?', 'User is free only after four in the afternoon.'],
  ['What was wrong with the invoice?', 'The supplier charged the delivery twice in October.'],
  ['How do we deploy the service?', 'Releases go out through a Helm chart after two approvals.'],
  ['What do I need for the garden?', 'User grows tomatoes and beans on a north-facing balcony.'],
]
