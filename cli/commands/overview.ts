import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { nextSteps, printStatus, statusAnswer } from './status.ts'

const HELP = ['engram help', 'everything it can do'] as const

/** What a person sees who types `engram` alone: the state of the world, and where to go from there. */
export async function overview({ out, env, runningClient }: Context): Promise<number> {
  let next: readonly (readonly [string, string])[] = [
    ['engram serve', 'run it here, for your app to talk to'],
    ['engram add "I prefer tabs over spaces"', 'store a memory'],
    HELP,
  ]
  try {
    const client = await runningClient()
    const answer = await client.ask(statusAnswer, { method: 'GET', path: '/status' })
    printStatus(answer, out, env)
    const usual = [
      ['engram search "code style"', 'find a memory by meaning'],
      ['engram why last', 'what went into the last answer, and why'],
    ] as const
    next = [...[...nextSteps(answer), ...usual].slice(0, 2), HELP]
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    out.line('Engram is a memory for AI tools, on this machine.')
    out.line(
      error.code === 'E_DAEMON_DOWN'
        ? 'It is not running.'
        : `It does not answer: ${error.message}.`,
    )
  }
  out.line()
  out.line(out.paint('bold', 'Next'))
  out.table({
    columns: [
      { title: '', style: 'cyan' },
      { title: '', style: 'dim', flexible: true },
    ],
    rows: next,
    indent: 2,
  })
  return 0
}
