import { describe, expect, test } from 'bun:test'
import { askedSlot } from './asked-slot.ts'
import { slotOf } from './slots.ts'

describe('the attribute that a question asks for', () => {
  test.each([
    ['Where do I live?', 'User moved to Lisbon in October 2026'],
    ['where do i live', 'User lives in Berlin'],
    ['Which city am I in?', 'We relocated to Vienna last month'],
    ["What's my name?", "User's name is Sam"],
    ['who am I?', 'User is called Sam'],
    ['Remind me, who is my manager?', 'My new manager is Alice.'],
    ['Who is my boss?', 'Priya is my boss'],
    ['Who do I work for?', 'I started at Brightloom this week.'],
    ['What do I do for a living?', 'User works as a nurse'],
    ['How old am I?', 'User is 41 years old'],
    ['When is my birthday?', "User's birthday is 3 May"],
    ['Which editor do I use?', "User's main editor is Helix"],
    ['What is my favourite colour?', 'My favorite color is teal'],
    ['my blood type', 'My blood type is AB'],
    ['Am I married?', 'I got married in May.'],
  ])('%s is what "%s" states', (question, statement) => {
    expect(askedSlot(question)).not.toBeNull()
    expect(askedSlot(question)).toBe(slotOf(statement)!.slot)
  })

  test.each([
    'Where does my sister live?',
    'What did I eat?',
    'Where should I live?',
    'What is my plan for tomorrow?',
    'Convert 72 F to C',
    'Where do I live and who is my boss, and by the way what is the best way to learn to cook well?',
    '',
  ])('none: %p', (question) => {
    expect(askedSlot(question)).toBeNull()
  })
})
