import { describe, expect, test } from 'bun:test'
import { changeReader } from './says-changed.ts'
import { queryTerms } from './words.ts'

const says = (later: string, earlier: string, question: string) =>
  changeReader(new Map(queryTerms(question).map((term) => [term, 1])))(later, earlier)

describe('a later statement says that an earlier one no longer holds', () => {
  test.each([
    [
      'I replaced the ThinkPad with a MacBook.',
      'My laptop is a ThinkPad.',
      'What laptop do I have?',
    ],
    ['I left Siemens and joined Brightloom.', 'I work at Siemens.', 'Where do I work?'],
    ['I switched from Vim to Helix.', "I'm using Vim.", 'Which editor do I use?'],
    ['Jonas moved out and Erik moved in.', 'My flatmate is Jonas.', 'Who is my flatmate?'],
    ['Anna and I broke up.', 'My girlfriend is Anna.', 'Who is my girlfriend?'],
    [
      'User no longer eats cheese',
      'User eats cheese for breakfast',
      'What do I have for breakfast?',
    ],
  ])('by ending what it names: %s', (later, earlier, question) => {
    expect(says(later, earlier, question)).toBe(true)
  })

  test.each([
    ['I take the train to work now.', 'I drive to work.', 'How do I get to work?'],
    ['My new therapist is Dr. Stein.', 'My therapist is Dr. Wolf.', 'Who is my therapist?'],
    ['The CEO is Dana since March.', 'The CEO is Paul.', 'Who is our CEO?'],
    ["I'm down to 78 kg.", 'I weigh 82 kg.', 'How much do I weigh?'],
  ])('by saying what is asked, and that it is new: %s', (later, earlier, question) => {
    expect(says(later, earlier, question)).toBe(true)
  })

  test.each([
    // about something else
    ['I left the umbrella at home.', 'I work at Siemens.', 'Where do I work?'],
    ['I moved my desk next to Nadia.', 'My sister Nadia lives in Oslo.', 'Where is my sister?'],
    // nothing new about it
    ['I like working from the library.', 'I work at Siemens.', 'Where do I work?'],
    // both are new: which one holds, their words do not say
    ['I now drive a Tesla.', 'I now drive a Volvo.', 'What do I drive?'],
    ['I went to Rome.', 'I weigh 82 kg.', 'How much do I weigh?'],
    [
      `I switched from Vim to Helix. ${'And so on. '.repeat(20)}`,
      "I'm using Vim.",
      'Which editor?',
    ],
  ])('or says nothing of the kind: %s', (later, earlier, question) => {
    expect(says(later, earlier, question)).toBe(false)
  })
})
