/** Why a candidate went in or stayed out, in plain words. */
export function reasonOf(
  { kind, reason, admitted }: Readonly<{ kind: string; reason: string; admitted: boolean }>,
  settings?: Readonly<{
    max_items: number
    budget_tokens: number | null
    threshold: number | null
  }>,
): string {
  if (admitted) return reason === 'pinned' ? 'pinned' : kind === 'turn' ? 'your own words' : ''
  switch (reason) {
    case 'below threshold':
      return settings?.threshold != null
        ? `below ${settings.threshold.toFixed(2)}`
        : 'weaker than these'
    case 'nothing relevant':
      return 'not about this'
    case 'covered by a memory':
      return 'a memory says it'
    case 'replaced by a newer memory':
      return 'a newer one replaces it'
    case 'not a statement of the user':
      return 'not your statement'
    case 'over the token budget':
      return `over ${settings?.budget_tokens ?? 'the'} tokens`
    case 'over the number of items':
      return `over ${settings?.max_items ?? 'the number of'} memories`
    default:
      return reason
  }
}
