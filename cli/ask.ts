import { createInterface } from 'node:readline'
import type { Context } from './command.ts'
import { CliError, usage } from './errors.ts'

type Asking = Pick<Context, 'globals' | 'signal' | 'out'>

/**
 * Asks whether to go on.
 *
 * @param again the command line that answers beforehand
 * @throws CliError `E_CONFIRM` when nobody can be asked or the answer is no.
 */
export async function confirm(question: string, again: string, context: Asking): Promise<void> {
  if (context.globals.yes) return
  const answer = await askFor(`${question} [y/N] `, question, again, context)
  if (!/^y(es)?$/i.test(answer.trim())) throw declined(again)
}

/** Asks for a word to be typed: for what touches everything. @throws CliError `E_CONFIRM`. */
export async function confirmByWord(
  question: string,
  word: string,
  again: string,
  context: Asking,
): Promise<void> {
  if (context.globals.yes) return
  const answer = await askFor(`${question}\nType ${word} to go on: `, question, again, context)
  if (answer.trim() !== word) throw declined(again)
}

function declined(again: string): CliError {
  return new CliError('E_CONFIRM', 'nothing was changed', {
    why: 'the answer was not yes',
    fix: again,
  })
}

async function askFor(
  prompt: string,
  question: string,
  again: string,
  { globals, signal }: Asking,
): Promise<string> {
  if (!globals.input || !process.stdin.isTTY || globals.json) {
    throw new CliError('E_CONFIRM', `this asks first: ${question.split('\n')[0]}`, {
      why: globals.input ? 'nobody is at a terminal to answer' : '--no-input was given',
      fix: again,
    })
  }
  // On stderr: the answer's output may go to a file.
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: true })
  try {
    return await new Promise<string>((resolve, reject) => {
      const leave = (end: () => void) => {
        lines.removeAllListeners('close')
        process.stderr.write('\n')
        end()
      }
      signal.addEventListener('abort', () => leave(() => reject(signal.reason)), { once: true })
      lines.on('close', () => leave(() => resolve('')))
      // In raw mode the terminal sends Ctrl-C as a character.
      lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
      lines.question(prompt, (answer) => {
        lines.removeAllListeners('close')
        resolve(answer)
      })
    })
  } finally {
    lines.close()
  }
}

/**
 * The text of bytes that must be UTF-8: what is not would be stored with other characters in its place.
 *
 * @throws CliError `E_INVALID`.
 */
export function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new CliError('E_INVALID', `${where} is not UTF-8 text`, {
      fix: 'convert it first, such as with: iconv -f latin1 -t utf-8',
    })
  }
}

/** Text from arguments, or from standard input for `-` or when there is none and it is piped. */
export async function readText(
  words: readonly string[],
  what: string,
  example: string,
): Promise<string> {
  const given = words.join(' ')
  if (given !== '' && given !== '-') return given
  if (given === '' && process.stdin.isTTY) throw usage(`${what} is missing`, example)
  const text = decodeText(await Bun.stdin.bytes(), 'standard input').trim()
  if (text === '') throw usage(`${what} on standard input is empty`, example)
  return text
}
