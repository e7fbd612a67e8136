/**
 * About how many tokens a text costs. Real counts differ by model; this stays on the safe side for the
 * common ones: four characters a token for Latin writing, one token for each other character.
 */
export function estimateTokens(text: string): number {
  let latin = 0
  let other = 0
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) < 0x250) latin++
    else other++
  }
  return Math.ceil(latin / 4 + other)
}
