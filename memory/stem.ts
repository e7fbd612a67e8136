/**
 * The Porter stemmer (M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980), the step
 * names being the paper's. SQLite's FTS5 `porter` tokenizer implements the same algorithm; ours runs in the
 * same place for documents, queries and both databases, so that a term means the same everywhere.
 */
export function stem(word: string): string {
  if (word.length < 3) return word
  let w = step1a(word)
  w = step1b(w)
  w = step1c(w)
  w = replaceSuffix(w, STEP2, 0)
  w = replaceSuffix(w, STEP3, 0)
  w = step4(w)
  return step5(w)
}

const CODE_A = 97

/** Is the letter at `i` a consonant in the paper's sense: y is one at the start and after a vowel. */
function isConsonant(w: string, i: number): boolean {
  switch (w.charCodeAt(i) - CODE_A) {
    case 0: // a
    case 4: // e
    case 8: // i
    case 14: // o
    case 20: // u
      return false
    case 24: // y
      return i === 0 ? true : !isConsonant(w, i - 1)
    default:
      return true
  }
}

/** The paper's m: how many times a vowel run is followed by a consonant run in the first `end` letters. */
function measure(w: string, end: number): number {
  let m = 0
  let i = 0
  while (i < end && isConsonant(w, i)) i++
  for (;;) {
    while (i < end && !isConsonant(w, i)) i++
    if (i >= end) return m
    while (i < end && isConsonant(w, i)) i++
    m++
  }
}

function hasVowel(w: string, end: number): boolean {
  for (let i = 0; i < end; i++) if (!isConsonant(w, i)) return true
  return false
}

function endsDoubleConsonant(w: string): boolean {
  const n = w.length
  return n >= 2 && w[n - 1] === w[n - 2] && isConsonant(w, n - 1)
}

/** The paper's *o: consonant, vowel, consonant at the end, the last not w, x or y. */
function endsShort(w: string, end: number): boolean {
  if (end < 3) return false
  if (!isConsonant(w, end - 3) || isConsonant(w, end - 2) || !isConsonant(w, end - 1)) return false
  const last = w[end - 1]
  return last !== 'w' && last !== 'x' && last !== 'y'
}

function step1a(w: string): string {
  if (!w.endsWith('s')) return w
  if (w.endsWith('sses')) return w.slice(0, -2)
  if (w.endsWith('ies')) return w.slice(0, -2)
  if (w.endsWith('ss')) return w
  return w.slice(0, -1)
}

function step1b(w: string): string {
  if (w.endsWith('eed')) return measure(w, w.length - 3) > 0 ? w.slice(0, -1) : w
  let cut = 0
  if (w.endsWith('ed') && hasVowel(w, w.length - 2)) cut = 2
  else if (w.endsWith('ing') && hasVowel(w, w.length - 3)) cut = 3
  if (cut === 0) return w
  const s = w.slice(0, -cut)
  if (s.endsWith('at') || s.endsWith('bl') || s.endsWith('iz')) return `${s}e`
  if (endsDoubleConsonant(s) && !/[lsz]$/.test(s)) return s.slice(0, -1)
  if (measure(s, s.length) === 1 && endsShort(s, s.length)) return `${s}e`
  return s
}

function step1c(w: string): string {
  return w.endsWith('y') && hasVowel(w, w.length - 1) ? `${w.slice(0, -1)}i` : w
}

type Suffixes = readonly (readonly [suffix: string, replacement: string])[]

// Longer suffixes stand before the shorter ones that they end with.
const STEP2: Suffixes = [
  ['ational', 'ate'],
  ['tional', 'tion'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['izer', 'ize'],
  ['bli', 'ble'],
  ['alli', 'al'],
  ['entli', 'ent'],
  ['eli', 'e'],
  ['ousli', 'ous'],
  ['ization', 'ize'],
  ['ation', 'ate'],
  ['ator', 'ate'],
  ['alism', 'al'],
  ['iveness', 'ive'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['aliti', 'al'],
  ['iviti', 'ive'],
  ['biliti', 'ble'],
  ['logi', 'log'],
]

const STEP3: Suffixes = [
  ['icate', 'ic'],
  ['ative', ''],
  ['alize', 'al'],
  ['iciti', 'ic'],
  ['ical', 'ic'],
  ['ful', ''],
  ['ness', ''],
]

const STEP4 = [
  'ement',
  'ance',
  'ence',
  'able',
  'ible',
  'ment',
  'ant',
  'ent',
  'ism',
  'ate',
  'iti',
  'ous',
  'ive',
  'ize',
  'al',
  'er',
  'ic',
  'ou',
] as const

function replaceSuffix(w: string, table: Suffixes, minMeasure: number): string {
  for (const [suffix, replacement] of table) {
    if (!w.endsWith(suffix)) continue
    const end = w.length - suffix.length
    return measure(w, end) > minMeasure ? w.slice(0, end) + replacement : w
  }
  return w
}

function step4(w: string): string {
  for (const suffix of STEP4) {
    if (!w.endsWith(suffix)) continue
    const end = w.length - suffix.length
    return measure(w, end) > 1 ? w.slice(0, end) : w
  }
  if (w.endsWith('ion')) {
    const end = w.length - 3
    const before = w[end - 1]
    if ((before === 's' || before === 't') && measure(w, end) > 1) return w.slice(0, end)
  }
  return w
}

function step5(w: string): string {
  let s = w
  if (s.endsWith('e')) {
    const end = s.length - 1
    const m = measure(s, end)
    if (m > 1 || (m === 1 && !endsShort(s, end))) s = s.slice(0, end)
  }
  if (s.endsWith('ll') && measure(s, s.length) > 1) s = s.slice(0, -1)
  return s
}
