import { stripInjected } from '../echo.ts'
import { wordSet } from './word-set.ts'

/**
 * The passages of a message that are its author's own words, verbatim: without memories that we injected,
 * code, quoted lines, markup, traces, letters and transcripts, and whatever follows "translate this:".
 *
 * @returns the passages in order, at most `WINDOW` characters in all.
 */
export function ownWords(message: string): string[] {
  const text = cutPasted(withoutMarkup(stripInjected(message).slice(0, WINDOW)))
  return speaksOfTextAbove(text) ? [] : passages(text)
}

/** A message longer than this is a document: its end is nobody's small talk. */
export const WINDOW = 64 * 1024

/** Stands where something was taken out; a paragraph's end. */
const GAP = '\n\n'

// Markup

/** Removes `<tag>…</tag>` with what it holds; an open end takes the rest of the text with it. */
function withoutMarkup(text: string): string {
  if (!text.includes('<')) return text
  const plain = text.toLowerCase()
  const kept: string[] = []
  let from = 0
  TAG.lastIndex = 0
  for (let tags = 0; tags < MAX_TAGS; tags++) {
    const tag = TAG.exec(text)
    if (tag === null) return [...kept, text.slice(from)].join(GAP)
    const name = tag[1]!.toLowerCase()
    if (PRINT_TAGS.has(name)) continue
    const close = plain.indexOf(`</${name}`, TAG.lastIndex)
    const startsLine = tag.index === 0 || text[tag.index - 1] === '\n'
    if (close < 0 && !startsLine) continue // "a Map<string>" in a sentence
    kept.push(text.slice(from, tag.index))
    if (close < 0) return kept.join(GAP)
    const end = text.indexOf('>', close)
    from = end < 0 ? text.length : end + 1
    TAG.lastIndex = from
  }
  return kept.join(GAP)
}

const TAG = /<([a-zA-Z][\w:-]{0,40})(?:\s[^<>]{0,400})?>/g
/** Each tag may cost a search to the end of the text. What follows so many is markup. */
const MAX_TAGS = 200
const PRINT_TAGS = wordSet('br hr img input b i u em strong s sub sup')

// Pasted text

const DOCUMENT =
  '(?:e-?mails?|text|texts|article|articles|paragraphs?|passages?|documents?|essays?|letters?|messages?|sentences?|transcripts?|conversation|dialogue|dialog|chat|quotes?|story|poem|lyrics|cover letter|resume|résumé|cv|bio|biography|abstract|summary|notes?|post|posts|tweet|tweets|blog post|review|reviews|report|translation|draft|speech|script|statement|content|excerpt|contract|description|job description|job posting|logs?|output|code|json|data|file|input|prompt|persona|character|scenario|screenplay|interview|readme)'
const TRANSFORM =
  '(?:translate|summari[sz]e|rewrite|re-write|rephrase|paraphrase|proof-?read|polish|shorten|condense|reword|edit|correct|improve|simplify|classify|analy[sz]e|critique|extract|tl;?dr|eli5|format|convert|parse|explain|annotate|label|grade|evaluate|fix|check|complete|continue|transcribe|spell-?check|grammar check|review|clean up|expand|answer)'

/** The end of a line, with a few spaces before it: unbounded white space would cost a search each. */
const EOL = '[ \\t]{0,8}\\n'
const LINE_START = '(?:^|\\n)[ \\t]{0,8}'

/** A colon that introduces; not the one of 9:30 or of https://. */
const COLON = ':(?=\\s|$)'
const A_DOCUMENT = `(?:an?|the|my|this|his|her|their|some|our|another)?\\s?(?:[\\w-]{1,30} ){0,3}${DOCUMENT}\\b[^.!?:\\n]{0,80}`

/** From here on it is somebody's text and not a statement to us. */
const MARKERS: readonly RegExp[] = [
  `\\b${TRANSFORM}\\b[^.!?:\\n]{0,120}${COLON}`,
  `\\b(?:here(?:'s|’s| is| are)|below is|this is|attached is) ${A_DOCUMENT}(?:${COLON}|[.]?${EOL})`,
  `\\b(?:see|consider|given|read|use) ${A_DOCUMENT}${COLON}`,
  `\\b(?:the following|the below|this|these) (?:[\\w-]{1,30} ){0,2}${DOCUMENT}\\b[^.!?\\n]{0,80}(?:${COLON}|[.!?]?${EOL})`,
  `\\b${TRANSFORM} (?:the following|the below|this|these)\\b[^.!?\\n]{0,60}[.]?${EOL}`,
  `${LINE_START}(?!notes?\\b)(?:${DOCUMENT}|source|original|context document|examples?|sample|quote|forwarded message|subject) ?:\\s`,
  `${LINE_START}(?:on .{4,60} wrote:|-{3,10} ?(?:original|forwarded) message|from: .{1,80}\\n)`,
  `\\b(?:write|make|create|generate|draft|compose) [^.!?:\\n]{0,100}\\b(?:saying|says|about|based on|from|with)\\b[^.!?:\\n]{0,60}${COLON}`,
  `\\b(?:how (?:do|would|can|should) (?:you|i|we) (?:say|write|put|phrase)|say in \\w{1,20})\\b[^.!?:\\n]{0,60}${COLON}`,
].map((source) => new RegExp(source, 'i'))

function cutPasted(text: string): string {
  let end = text.length
  for (const marker of MARKERS) {
    const match = marker.exec(text)
    if (match !== null) end = Math.min(end, match.index + match[0].length)
  }
  return text.slice(0, end)
}

/** "… Translate the text above." Then what stands above is no statement either. */
function speaksOfTextAbove(text: string): boolean {
  return ABOVE.test(text) && !/\b(?:remember|note|keep in mind)\b/i.test(text)
}

const ABOVE =
  /\b(?:translate|summari[sz]e|rewrite|rephrase|paraphrase|proof-?read|polish|shorten|condense|reword|correct|improve|tl;?dr|grammar)\b[^.!?:\n]{0,30}\b(?:this|that|it|the above|above|the (?:text|sentence|paragraph|email|message|essay|bio|grammar|spelling)|my (?:text|sentence|paragraph|email|message|essay|bio|grammar|spelling|draft|writing|cover letter|resume))\b(?! (?:code|function|script|class|file|bug|error|app|repo)|[^.!?\n]{0,60}:)/i

// Lines

function passages(text: string): string[] {
  const lines = text.split('\n')
  const foreign = foreignLines(lines)
  const found: string[] = []
  let current: string[] = []
  const close = (): void => {
    if (current.length > 0) found.push(current.join('\n'))
    current = []
  }
  for (const [i, line] of lines.entries()) {
    if (foreign[i] === true) close()
    else current.push(line)
  }
  close()
  return found.filter((passage) => /[\p{L}\p{N}]/u.test(passage))
}

function foreignLines(lines: readonly string[]): boolean[] {
  const foreign = new Array<boolean>(lines.length).fill(false)
  let fence: string | null = null
  let depth = 0 // of braces in a block of data
  let labelled: number[] = []
  for (const [i, line] of lines.entries()) {
    const bare = line.trim()
    if (fence !== null) {
      foreign[i] = true
      if (bare.startsWith(fence)) fence = null
      continue
    }
    const opening = FENCE.exec(bare)
    if (opening !== null && (bare.split(opening[1]!).length - 1) % 2 === 1) {
      fence = opening[1]!
      foreign[i] = true
      continue
    }
    if (depth > 0 || DATA_LINE.test(bare)) {
      foreign[i] = true
      depth = Math.max(0, depth + balance(bare))
      continue
    }
    if (FOREIGN_LINE.test(line)) foreign[i] = true
    const label = SPEAKER.exec(line)?.[1]
    if (label !== undefined && !OWN_LABELS.has(label.toLowerCase())) labelled.push(i)
  }
  // one "Name: …" may be a heading; two are a transcript, and so is one of a known part
  const parts = labelled.filter((i) => PARTS.test(SPEAKER.exec(lines[i]!)![1]!))
  if (labelled.length < 2) labelled = parts
  for (const i of labelled) foreign[i] = true
  markLetter(lines, foreign)
  return foreign
}

const FENCE = /(```|~~~)/
const DATA_LINE = /^(?:[{[](?:$|\s*["{[\]}\d])|"[^"]{1,80}"\s*:|[\]}],?$)/

function balance(line: string): number {
  let open = 0
  for (const character of line) {
    if (character === '{' || character === '[') open++
    else if (character === '}' || character === ']') open--
  }
  return open
}

/** Quoted lines, traces, logs, shell, diffs, statements of a programming language, table rows. */
const FOREIGN_LINE = new RegExp(
  [
    '^\\s*>',
    '^\\s*(?:[$%] |#!)\\s?\\w',
    '^\\s+at \\S.{0,200}[(:]',
    '^\\s*File ".{1,200}", line \\d',
    '^\\s*(?:Traceback|Caused by|Exception in|panic|fatal|error|warning|info|debug|trace)\\b.{0,40}:',
    '^\\s*[\\w.$]{0,80}(?:Error|Exception)(?::|\\s*$)',
    '^\\s*\\[?\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d',
    '^(?:\\+\\+\\+|---|@@|diff --git|index [0-9a-f]{7})',
    '^\\s*(?:import|export|from) .{0,80}(?:[\'"`]|import)',
    '^\\s*(?:const|let|var|val) \\w{1,40}\\s?[:=]',
    '^\\s*(?:export |async |public |private |static ){0,3}(?:def|fn|func|function|class|struct|interface|type|enum) \\w{1,60}\\s?[(<{=:]',
    '^\\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER)\\s',
    '[{}]\\s*$',
    '[=(].{0,200};\\s*$',
    '^\\s*[\\w.]{1,40}\\([^)]{0,120}\\)\\s*$',
    '^\\s*[A-Z][A-Z0-9_]{2,40}=',
    '^\\s*\\|.{0,400}\\|\\s*$',
  ].join('|'),
)

const SPEAKER =
  /^\s*(?:\*\*|\[)?([A-Za-z][\w'.-]{0,20}(?: [A-Z][\w'.-]{0,20}){0,2})(?:\*\*|\])?\s?:\s/
const PARTS =
  /^(?:user|assistant|human|ai|bot|system|me|you|customer|agent|interviewer|interviewee|speaker|narrator|q|a|model|client|caller|host|guest|patient|doctor|person [ab12])$/i
const OWN_LABELS = wordSet(
  'note nb ps fyi update edit correction reminder context background also btw intro remember preference preferences rule important fact goal stack setup name',
)

/** "Dear Ms Ives, … Kind regards": a letter, from its greeting to its end. */
function markLetter(lines: readonly string[], foreign: boolean[]): void {
  const close = lines.findLastIndex((line) => SIGN_OFF.test(line))
  if (close < 0) return
  const open = lines.findIndex((line) => SALUTATION.test(line))
  if (open < 0 || open > close) return
  foreign.fill(true, open)
}

const SALUTATION = /^\s*(?:dear|hi|hello|hey|to whom)\b.{0,60},\s*$/i
const SIGN_OFF =
  /^\s*(?:(?:best|kind|warm)(?:est)?(?: regards| wishes)?|regards|sincerely|yours|cheers|respectfully|many thanks)(?:\s\w+){0,2},?\s*$/i
