const LOOPBACK_HOSTS = ['127.0.0.1', '[::1]', 'localhost']

/**
 * What is wrong with an address that a code is to be sent to, in words; null for a good one. A code must not
 * travel in the clear, nor to a program that has merely claimed a scheme first: https, or this machine.
 */
export function redirectProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url) return 'must be an address'
  if (url.username || url.password) return 'must not hold a user name or password'
  if (text.includes('#')) return 'must not have a fragment'
  if (url.protocol !== 'https:' && !isLoopback(url)) {
    return 'must be https, or http on this machine (127.0.0.1, [::1], localhost)'
  }
  return null
}

/**
 * Is the address one that was registered? Character by character; on this machine the port may differ, since
 * programs take the one that is free (RFC 8252, 7.3).
 */
export function matchesRedirect(text: string, registered: readonly string[]): boolean {
  if (registered.includes(text)) return true
  if (redirectProblem(text) !== null) return false
  const url = new URL(text)
  return isLoopback(url) && registered.some((one) => withoutPort(one) === withoutPort(text))
}

export function isLoopback(url: URL): boolean {
  return url.protocol === 'http:' && LOOPBACK_HOSTS.includes(url.hostname)
}

function withoutPort(text: string): string {
  const url = new URL(text)
  url.port = ''
  return url.href
}
