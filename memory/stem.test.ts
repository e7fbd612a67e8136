import { expect, test } from 'bun:test'
import { stem } from './stem.ts'

// Every example of the paper, step by step, and what the later steps make of it.
const PAPER: readonly (readonly [step: string, pairs: string])[] = [
  ['1a', 'caresses caress ponies poni ties ti caress caress cats cat'],
  [
    '1b',
    `feed feed agreed agre plastered plaster bled bled motoring motor sing sing conflated conflat
     troubled troubl sized size hopping hop tanned tan falling fall hissing hiss fizzed fizz failing fail
     filing file`,
  ],
  ['1c', 'happy happi sky sky'],
  [
    '2',
    `relational relat conditional condit rational ration valenci valenc hesitanci hesit digitizer digit
     conformabli conform radicalli radic differentli differ vileli vile analogousli analog
     vietnamization vietnam predication predic operator oper feudalism feudal decisiveness decis
     hopefulness hope callousness callous formaliti formal sensitiviti sensit sensibiliti sensibl`,
  ],
  [
    '3',
    `triplicate triplic formative form formalize formal electriciti electr electrical electr hopeful hope
     goodness good`,
  ],
  [
    '4',
    `revival reviv allowance allow inference infer airliner airlin gyroscopic gyroscop adjustable adjust
     defensible defens irritant irrit replacement replac adjustment adjust dependent depend adoption adopt
     homologou homolog communism commun activate activ angulariti angular homologous homolog
     effective effect bowdlerize bowdler`,
  ],
  ['5', 'probate probat rate rate cease ceas controll control roll roll'],
]

test.each(PAPER)('step %s of the paper', (_, pairs) => {
  const words = pairs.split(/\s+/)
  for (let i = 0; i < words.length; i += 2) {
    expect(`${words[i]} ${stem(words[i]!)}`).toBe(`${words[i]} ${words[i + 1]}`)
  }
})

test('forms of one word have one stem', () => {
  for (const forms of [
    'connect connected connecting connection connections',
    'run runs running',
    'marathon marathons',
    'city cities',
    'prefer prefers preferred preferring',
    'argue argued argues arguing',
  ]) {
    expect(new Set(forms.split(' ').map(stem)).size).toBe(1)
  }
})

test('words of one or two letters, and those without a suffix, stay', () => {
  for (const word of ['', 'a', 'is', 'as', 'by', 'tree', 'tea', 'xyz']) {
    expect(stem(word)).toBe(word)
  }
})

test('a word never grows, by more than the e that step 1b puts back', () => {
  for (const word of PAPER.flatMap(([, pairs]) => pairs.split(/\s+/))) {
    expect(stem(word).length).toBeLessThanOrEqual(word.length)
  }
})
