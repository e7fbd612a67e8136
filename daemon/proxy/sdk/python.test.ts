/**
 * The same scenarios for the client libraries of Python, in the interpreter that ENGRAM_TEST_PYTHON names:
 *
 *   python3 -m venv /tmp/sdks && /tmp/sdks/bin/pip install -r daemon/proxy/sdk/python/requirements.txt
 *   ENGRAM_TEST_PYTHON=/tmp/sdks/bin/python npm test -- daemon/proxy/sdk/python.test.ts
 */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { openBridge } from '../rig/python-bridge.ts'
import { type Sdk, testSdk } from './sdk.contract.ts'

const python = process.env.ENGRAM_TEST_PYTHON
const LITELLM_ERROR = 'litellm.exceptions.RateLimitError'

/** The script of each, and what the library's own error is called. */
const LIBRARIES: Readonly<Record<string, readonly [error: string, ...script: string[]]>> = {
  'openai 3 for Python, chat completions': ['openai.RateLimitError', 'openai_chat.py'],
  'openai 3 for Python, responses': ['openai.RateLimitError', 'openai_responses.py'],
  'anthropic 2 for Python': ['anthropic.RateLimitError', 'anthropic_messages.py'],
  'google-genai 3 for Python': ['google.genai.errors.ClientError', 'google_generate.py'],
  'ollama 0.6 for Python': ['ollama._types.ResponseError', 'ollama_chat.py'],
  'litellm 1 for Python, openai': [LITELLM_ERROR, 'litellm_completion.py', 'openai'],
  'litellm 1 for Python, anthropic': [LITELLM_ERROR, 'litellm_completion.py', 'anthropic'],
  'litellm 1 for Python, ollama': [LITELLM_ERROR, 'litellm_completion.py', 'ollama'],
}

if (python) {
  // Some of them take seconds to load.
  setDefaultTimeout(60_000)
  for (const [name, library] of Object.entries(LIBRARIES)) testLibrary(python, name, library)
} else if (process.env.CI === 'true') {
  test('the libraries of Python are tested in CI', () => {
    throw new Error('ENGRAM_TEST_PYTHON must name a Python with requirements.txt installed')
  })
} else {
  test.skip('the libraries of Python (ENGRAM_TEST_PYTHON names no interpreter)', () => {})
}

function testLibrary(
  interpreter: string,
  name: string,
  [ownError, script, ...args]: readonly [error: string, ...script: string[]],
): void {
  const bridge = openBridge([interpreter, join(import.meta.dir, 'python', script!), ...args], {
    PATH: process.env.PATH ?? '',
    // Nothing is asked of the network, nothing written at home.
    LITELLM_LOCAL_MODEL_COST_MAP: 'True',
    LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS: 'True',
    HOME: '/nonexistent',
    PYTHONDONTWRITEBYTECODE: '1',
  })
  afterAll(() => bridge.close())
  testSdk(name, (url): Sdk => {
    const call = <T>(what: string, question: string, png = '') =>
      bridge.call({ do: what, url, question, png }) as Promise<T>
    return {
      ask: (question) => call('ask', question),
      stream: (question) => bridge.stream({ do: 'stream', url, question, png: '' }),
      useTools: (question) => call('use_tools', question),
      askJson: (question) => call('ask_json', question),
      askAboutPicture: (question, png) => call('ask_about_picture', question, png),
      refusalOf(error) {
        const { name: type, status, message } = error as Error & { status: number }
        expect(type).toBe(ownError)
        return { status, message }
      },
      leave: (question) => call('leave', question),
    }
  })
}
