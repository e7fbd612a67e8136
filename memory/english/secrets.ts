/**
 * Does a text hold the value of a secret: a password, an API key, a card number, a private key? Such a text
 * never becomes a memory. Prefers to be wrong on the careful side; a sentence about a secret ("the staging
 * password rotates monthly") is not one that holds it.
 */
export function holdsSecret(text: string): boolean {
  return (
    KEYS.test(text) ||
    NAMED_VALUE.test(text) ||
    LABELLED.test(text) ||
    [...text.matchAll(CARD)].some((match) => isCardNumber(match[0])) ||
    [...text.matchAll(LONG_TOKEN)].some((match) => isRandom(match[0]))
  )
}

/** Tokens that vendors make recognisable. */
const KEYS =
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY|\b(?:sk|pk|rk)[-_](?:live|test|proj|ant|or)?[-_]?[A-Za-z0-9_-]{12,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{20,}|\beyJ[\w-]{8,}\.[\w-]{8,}|\bhf_[A-Za-z0-9]{16,}|\bnpm_[A-Za-z0-9]{20,}|\bya29\.[\w-]{16,}|\bek_[A-Za-z0-9_-]{16,}|:\/\/[^\s/:@]{1,64}:[^\s/@]{1,64}@/

const SECRET_NAME =
  '(?:passwords?|passcode|pass ?phrase|pass ?word|pin(?: code| number)?|cvv|cvc|api[ _-]?key|secret(?: key)?|private key|access[ _-]?(?:key|token)|auth[ _-]?token|bearer token|token|seed phrase|recovery (?:phrase|code|key)s?|ssn|social security number|(?:credit|debit) card(?: number)?|card number|security code|wifi key|encryption key|licen[cs]e key|2fa code|login)'

/** Words after "the password is" that describe it instead of giving it away. */
const DESCRIBING =
  '(?:stored|kept|rotated|changed|in|on|at|reset|managed|required|saved|never|not|always|the same|generated|expired|expiring|too|very|really|weak|strong|long|short|at least|wrong|incorrect|invalid|missing|lost|needed|optional|hashed|encrypted|set|based|different|unique|safe|secure|secret|sensitive|confidential|a (?:string|secret|must)|important|read|shared|case|my|our|visible|hidden|protected|valid|due|about|to|an|only|what|how|why|where|blocked|compromised|leaked|broken|gone)'

const NAMED_VALUE = new RegExp(
  `\\b${SECRET_NAME}\\b[^.\\n]{0,40}?(?:\\s(?:is|are|was)(?: now| still| just| set to)?:?\\s|\\s?[:=]\\s?)(?!${DESCRIBING}\\b)["'\`“‘]?\\S`,
  'i',
)
/** "use hunter2 as the password" */
const LABELLED =
  /\b\S*[\d!@#$%^&*]\S* (?:is|as) (?:my|the|our|a) (?:\S+ ){0,2}(?:password|passcode|passphrase|pin|api key|secret|token)\b/i

const CARD = /\b\d(?:[ -]?\d){12,18}\b/g

/** The check digit of ISO/IEC 7812 (Luhn's): what tells a card number from a phone or order number. */
function isCardNumber(text: string): boolean {
  const digits = text.replace(/\D/g, '')
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    const doubled = i % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

const LONG_TOKEN = /[A-Za-z0-9+/_=-]{24,200}/g

/** Letters of both cases among digits, or a long run of hexadecimal: nobody writes that as a word. */
function isRandom(run: string): boolean {
  if (/^[0-9a-f]{32,}$/i.test(run)) return true
  const switches =
    run.match(/[a-z](?=[A-Z0-9])|[A-Z](?=[a-z]?[0-9])|[0-9](?=[A-Za-z])/g)?.length ?? 0
  return (
    /\d/.test(run) &&
    /[a-z]/.test(run) &&
    /[A-Z]/.test(run) &&
    switches * 4 >= run.length - 8 &&
    !run.includes('/')
  )
}
