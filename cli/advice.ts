/** The words that a line of advice begins with when it is one to type. */
const COMMAND = /^(?:engram|chmod|df|export|eval|kill|ls|mkdir|mv|npm|sudo|tail|unset|\$EDITOR) /

/**
 * Advice as people read it: a command stands as it is typed, everything else as a sentence, so that nobody
 * types “check the path” into a shell. Programs get it as it was written.
 */
export function asAdvice(fix: string): string {
  if (COMMAND.test(fix) || !/^[a-z]/.test(fix)) return fix
  const sentence = fix.charAt(0).toUpperCase() + fix.slice(1)
  // A full stop behind a command would be copied with it.
  return /[.?!)]$|: |engram \S+/.test(sentence) ? sentence : `${sentence}.`
}
