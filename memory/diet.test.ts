import { expect, test } from 'bun:test'
import { asksAboutFood, limitsFood } from './diet.ts'

test.each([
  'User is vegetarian',
  'User is allergic to peanuts',
  'User has a shellfish allergy',
  'I follow a strict halal diet',
  'User no longer eats meat',
  'User dislikes mushrooms',
  'I avoid spicy dishes',
  "User can't eat gluten",
  'I have celiac disease',
])('limits what may be eaten: %s', (text) => {
  expect(limitsFood(text)).toBe(true)
})

test.each([
  'User loves cooking fish',
  'User is allergic to cats',
  'User prefers Neovim',
  'User eats dinner at eight',
  'User dislikes horror films',
])('does not: %s', (text) => {
  expect(limitsFood(text)).toBe(false)
})

test.each(['What should I cook?', 'Any restaurant in Rome?', 'Which snacks can I bring?'])(
  'asks about food: %s',
  (question) => {
    expect(asksAboutFood(question)).toBe(true)
  },
)

test.each(['What should I wear?', 'Where is the station?', 'explain quicksort'])(
  'does not ask about it: %s',
  (question) => {
    expect(asksAboutFood(question)).toBe(false)
  },
)
