/** How a program is told of the proxy: by variables that its client library reads anyway. */

/** What a program needs to know. */
export type ProxyTarget = Readonly<{
  /** The daemon, without a path. */
  url: string
  namespace: string | undefined
  /** An Engram key, or what a shell replaces by one; undefined where none is needed. */
  key: string | undefined
}>

/**
 * Variables that point every client library at the proxy, by the names that each reads. OpenAI's stop at the
 * version, the others before it: so their makers have it.
 */
export function proxyEnvironment(target: ProxyTarget): Record<string, string> {
  const headers = headersOf(target).map((header) => header.join(': '))
  const openai = `${target.url}/openai/v1`
  const anthropic = `${target.url}/anthropic`
  const gemini = `${target.url}/gemini`
  const ollama = `${target.url}/ollama`
  return {
    OPENAI_BASE_URL: openai,
    OPENAI_API_BASE: openai,
    ANTHROPIC_BASE_URL: anthropic,
    ANTHROPIC_API_URL: anthropic,
    GOOGLE_GEMINI_BASE_URL: gemini,
    OLLAMA_HOST: ollama,
    OLLAMA_BASE_URL: ollama,
    OLLAMA_API_BASE: ollama,
    ...(headers.length === 0
      ? {}
      : {
          OPENAI_CUSTOM_HEADERS: headers.join('\n'),
          ANTHROPIC_CUSTOM_HEADERS: headers.join('\n'),
          GEMINI_CLI_CUSTOM_HEADERS: headers.join(', '),
        }),
  }
}

/** Programs that are known to send what these variables say. */
const SENDS_HEADERS = new Set(['claude', 'codex', 'gemini'])

/**
 * What is to be said to whom asks for a namespace: no variable makes the libraries of Gemini and Ollama send a
 * header, so that their requests would go to the default one without a word.
 *
 * @param program the one that is started; null for any
 */
export function namespaceNote(
  { namespace }: Pick<ProxyTarget, 'namespace'>,
  program: string | null,
): string | null {
  if (namespace === undefined || (program !== null && SENDS_HEADERS.has(nameOf(program)))) {
    return null
  }
  return `Client libraries of Gemini and Ollama read no headers from variables: what they send goes to the default namespace, not to ${namespace}, unless the program itself sends X-Engram-Namespace.`
}

function headersOf({ namespace, key }: ProxyTarget): [name: string, value: string][] {
  return [
    ...(key === undefined ? [] : [['X-Engram-Key', key] as [string, string]]),
    ...(namespace === undefined ? [] : [['X-Engram-Namespace', namespace] as [string, string]]),
  ]
}

export type Launch = Readonly<{ args: readonly string[]; env: Readonly<Record<string, string>> }>

/** The arguments and variables with which a program is started. */
export function launchOf(program: string, args: readonly string[], target: ProxyTarget): Launch {
  const env = proxyEnvironment(target)
  return nameOf(program) === 'codex' ? codexLaunch(args, env, target) : { args, env }
}

function nameOf(program: string): string {
  return program.replace(/^.*[\\/]/, '').replace(/\.(exe|cmd|ps1)$/i, '')
}

/**
 * Codex reads no variable for its address, only its configuration, which `-c` overrides. A provider of its
 * own is needed, as the built-in ones cannot be moved; headers are named there by variables, so that no key
 * stands among the arguments, where every process can read it.
 */
function codexLaunch(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  target: ProxyTarget,
): Launch {
  const named = headersOf(target).map(([header, value]) => ({
    header,
    variable: header.toUpperCase().replaceAll('-', '_'),
    value,
  }))
  const headers = named.map(({ header, variable }) => `${toml(header)}=${toml(variable)}`)
  const provider = [
    `name=${toml('Engram')}`,
    `base_url=${toml(env.OPENAI_BASE_URL!)}`,
    `wire_api=${toml('responses')}`,
    `env_key=${toml('OPENAI_API_KEY')}`,
    'supports_websockets=false',
    ...(headers.length > 0 ? [`env_http_headers={${headers.join(',')}}`] : []),
  ]
  return {
    args: [
      '-c',
      'model_provider="engram"',
      '-c',
      `model_providers.engram={${provider.join(',')}}`,
      ...args,
    ],
    env: { ...env, ...Object.fromEntries(named.map(({ variable, value }) => [variable, value])) },
  }
}

/** A basic string of TOML; JSON's escapes are among TOML's. */
const toml = (text: string) => JSON.stringify(text)

export const SHELLS = ['bash', 'fish', 'pwsh'] as const
export type Shell = (typeof SHELLS)[number]

/**
 * A line that sets a variable in a shell. `$ENGRAM_API_KEY` stays for the shell to replace, so that the key
 * itself is printed nowhere.
 */
export function exportLine(shell: Shell, name: string, value: string): string {
  const parts = value.split(KEY_VARIABLE)
  switch (shell) {
    case 'bash':
      return `export ${name}=${parts.map((part) => `'${part.replaceAll("'", "'\\''")}'`).join(`"${KEY_VARIABLE}"`)}`
    case 'fish': {
      const quote = (part: string) => `'${part.replace(/[\\']/g, '\\$&')}'`
      return `set -gx ${name} ${parts.map(quote).join(`"${KEY_VARIABLE}"`)}`
    }
    case 'pwsh': {
      const quote = (part: string) => `'${part.replaceAll("'", "''")}'`
      return `$env:${name} = ${parts.map(quote).join(' + $env:ENGRAM_API_KEY + ')}`
    }
  }
}

export const KEY_VARIABLE = '$ENGRAM_API_KEY'

/** The shell whose syntax is wanted when nobody says: the one that the user has. */
export function usualShell(env: Readonly<Record<string, string | undefined>>): Shell {
  const name = env.SHELL?.split('/').at(-1) ?? ''
  if (name === 'fish' || name === 'pwsh') return name
  return name === '' && process.platform === 'win32' ? 'pwsh' : 'bash'
}
