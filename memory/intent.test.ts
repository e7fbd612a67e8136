import { expect, test } from 'bun:test'
import { intentOf } from './intent.ts'

test.each([
  'What should I cook tonight?',
  'which editor should I use for TypeScript?',
  'Can you recommend a book?',
  'How should we travel to Paris?',
  "I'm visiting Rome. What are some must-try dishes?",
  'Any tips for my marathon?',
  'What’s your advice for a small wardrobe?',
  'Help me choose a laptop',
])('advice: %s', (question) => {
  expect(intentOf(question)).toBe('advice')
})

test.each([
  'What is my dog called?',
  'Where do I live?',
  'How do I take my coffee?',
  'What did you recommend to me last week?',
  "what's my sister's name",
  'Do we have a cat?',
])('personal: %s', (question) => {
  expect(intentOf(question)).toBe('personal')
})

test.each([
  'Convert 72 F to C',
  'explain quicksort',
  'How do I reverse a linked list in C?',
  'What does Ann recommend for the living room?',
  'When is Joanna going to make ice cream?',
  'What is the GDP of the US?',
  'List examples, i.e. two or three',
  'Who wrote Pride and Prejudice?',
  '',
])('other: %s', (question) => {
  expect(intentOf(question)).toBe('other')
})
