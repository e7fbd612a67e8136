import { describe, expect, test } from 'bun:test'
import { readClause } from './clause.ts'
import { readOpening } from './openings.ts'
import { rewrite, said } from './rewrite.ts'
import { tokensOf } from './tokens.ts'

function inThirdPerson(sentence: string): string | null {
  const tokens = tokensOf(sentence)
  const { start, lead } = readOpening(tokens)
  const clause = readClause(tokens, start)
  return clause === null ? null : rewrite(clause, lead)
}

describe('rewrite', () => {
  test.each([
    ['I prefer tabs.', 'User prefers tabs'],
    ['I really like tea', 'User really likes tea'],
    ['I always carry water', 'User always carries water'],
    ['I watch birds', 'User watches birds'],
    ['I go to Leeds', 'User goes to Leeds'],
    ['I do yoga', 'User does yoga'],
    ['I have a dog', 'User has a dog'],
    ["I've got a dog", 'User has a dog'],
    ["I'm a nurse", 'User is a nurse'],
    ["I don't smoke", 'User does not smoke'],
    ["I can't swim", 'User cannot swim'],
    ["I won't eat meat", 'User will not eat meat'],
    ["I've been swimming for years", 'User has been swimming for years'],
    ["I haven't smoked since May", 'User has not smoked since May'],
    ['I no longer smoke', 'User no longer smokes'],
    ['I used to smoke', 'User used to smoke'],
    ['I was born in Oslo', 'User was born in Oslo'],
    ['I moved to Oslo', 'User moved to Oslo'],
    ['I quit smoking', 'User quit smoking'],
    ["I'd rather walk", 'User would rather walk'],
    ['I have to avoid nuts', 'User has to avoid nuts'],
    ['We use Postgres', 'User uses Postgres'],
    ["We're building a boat", 'User is building a boat'],
    ['my sister is a vet', "User's sister is a vet"],
    ['Our API runs on Bun', "User's API runs on Bun"],
    ['Both of my parents are vets', "Both of User's parents are vets"],
    ['My wife and I live in Leeds', 'User and their wife live in Leeds'],
    ['Me and my wife live in Leeds', 'User and their wife live in Leeds'],
  ])('%j becomes %j', (sentence, expected) => {
    expect(inThirdPerson(sentence)).toBe(expected)
  })

  test.each([
    ['I walk my dog by myself', 'User walks their dog by themselves'],
    ['I use Vim because I know it', 'User uses Vim because they know it'],
    ['I live where I was born', 'User lives where they were born'],
    ['I have a cat that follows me', 'User has a cat that follows them'],
    ['My mother raised me and my brother', "User's mother raised the user and the user's brother"],
    ['My boss says I work too much', "User's boss says the user works too much"],
    ['I love Rust but I hate its compile times', 'User loves Rust but hates its compile times'],
    ["I love Rust but I don't love its errors", 'User loves Rust but does not love its errors'],
  ])('%j names the speaker again as %j', (sentence, expected) => {
    expect(inThirdPerson(sentence)).toBe(expected)
  })

  test.each([
    ['I live in Leeds and work as a nurse', 'User lives in Leeds and works as a nurse'],
    ['I run and write novels', 'User runs and writes novels'],
    ['I like tea and work clothes', 'User likes tea and work clothes'],
    ["I don't smoke and drink wine", 'User does not smoke and drink wine'],
    ['I like to read and write stories', 'User likes to read and write stories'],
    ['I am six feet tall and have two sons', 'User is six feet tall and has two sons'],
  ])('%j conjugates what shares the subject', (sentence, expected) => {
    expect(inThirdPerson(sentence)).toBe(expected)
  })

  test.each([
    ['At work, I use Linux', 'At work, User uses Linux'],
    ['In my free time I paint', 'In their free time User paints'],
    ['When I travel, I take trains', 'User takes trains when they travel'],
    ['As a nurse, I work nights', 'As a nurse, User works nights'],
    ['By the way, I love tea', 'User loves tea'],
    ['Hey Sam, I love tea', 'User loves tea'],
    ['I love tea, by the way', 'User loves tea'],
    ['I love tea, haha!', 'User loves tea'],
  ])('%j keeps what belongs to it', (sentence, expected) => {
    expect(inThirdPerson(sentence)).toBe(expected)
  })

  test.each([
    ['I prefer that you answer in French', 'User prefers that the assistant answers in French'],
    ['I like games where you build things', 'User likes games where you build things'],
    ['I like it when you use examples', 'User likes it when the assistant uses examples'],
  ])('%j tells the listener from anybody', (sentence, expected) => {
    expect(inThirdPerson(sentence)).toBe(expected)
  })

  test.each([
    "We're a team of five",
    'We met each other in Oslo',
    'We both love tea',
    'Rome is big',
    'go home',
  ])('is not sure about %j', (sentence) => {
    expect(inThirdPerson(sentence)).toBeNull()
  })

  test('keeps a Roman numeral', () => {
    expect(inThirdPerson("I study Euclid's Book I in Leeds")).toBe(
      "User studies Euclid's Book I in Leeds",
    )
  })

  test('said() leaves the words as they are', () => {
    expect(said(' We both love tea. ')).toBe('User said: "We both love tea."')
  })
})
