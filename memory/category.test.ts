import { expect, test } from 'bun:test'
import { categoryOf } from './category.ts'

test.each([
  ['I prefer dark mode in every editor', 'preferences'],
  ['Always answer in British English', 'preferences'],
  ['User prefers tabs over spaces in Python', 'preferences'],
  ['User wants the assistant to always answer in British English', 'preferences'],
  ['Prefers short answers', 'preferences'],
  ['User never drinks coffee', 'preferences'],
  ['The user lives in Lisbon', 'profile'],
  ['User’s dog is called Rex', 'profile'],
  ['User is allergic to peanuts', 'profile'],
  ["User doesn't eat meat", 'profile'],
  ['Is called Ada', 'profile'],
  ['User knows Rust well', 'skills'],
  ['User is building a bread oven', 'projects'],
  ['The staging server runs Postgres 15', 'general'],
  ['Ada works at Acme', 'general'],
  ['Prefiere el té', 'general'],
  ['My password is hunter2', 'general'],
  ['', 'general'],
  ['User', 'general'],
])('%p is filed under %s', (content, category) => {
  expect(categoryOf(content)).toBe(category as never)
})
