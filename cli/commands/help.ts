import type { Call, OptionSpec } from '../command.ts'
import { COMMANDS, GLOBAL_OPTIONS } from '../commands.ts'
import { CliError, ERROR_TABLE } from '../errors.ts'
import { childrenOf, findCommand, flow, helpText, TOPIC_NAMES, usageOf } from '../help.ts'
import type { Output } from '../output.ts'
import { TOPICS } from '../topics.ts'

export async function help({ out, args }: Call<object, { subject: string[] }>): Promise<void> {
  const subject = args.subject.join(' ')
  if (out.isJson) {
    out.json(tree(subject))
    return
  }
  const topic = TOPIC_NAMES.find((name) => name === subject)
  const error = ERROR_TABLE.find(({ code }) => code === subject.toUpperCase())
  if (topic) for (const line of TOPICS[topic](out)) out.line(line)
  else if (error) for (const line of errorHelp(error, out)) out.line(line)
  else if (subject === '' || findCommand(subject)) await out.raw(helpText(subject, out))
  else {
    throw new CliError('E_NOT_FOUND', `there is no help for "${subject}"`, {
      fix: `engram help          (topics: ${TOPIC_NAMES.join(', ')})`,
    })
  }
}

function errorHelp({ code, about, exit, help, fix }: (typeof ERROR_TABLE)[number], out: Output) {
  return [
    ...flow(`${code}: ${about}. Exit code ${exit}.`, out.width),
    ...flow(help, out.width),
    '',
    `What helps most often: ${out.paint('bold', fix)}`,
  ]
}

/** The commands as data: for completions, for pages, and for programs that drive this one. */
function tree(subject: string) {
  const chosen = COMMANDS.filter(
    ({ path, hidden }) =>
      path === subject || (subject === '' ? !hidden : path.startsWith(`${subject} `)),
  )
  return {
    globals: GLOBAL_OPTIONS.map(optionJson),
    commands: chosen.map((spec) => ({
      command: spec.path,
      about: spec.about,
      usage: usageOf(spec),
      runs: childrenOf(spec.path).length === 0,
      aliases: spec.aliases ?? [],
      arguments: (spec.args ?? []).map(({ name, about }) => ({
        name: name.replace(/[<>[\].]/g, ''),
        required: name.startsWith('<'),
        several: name.includes('...'),
        about,
      })),
      options: (spec.options ?? []).filter(({ hidden }) => !hidden).map(optionJson),
      examples: spec.examples.map(([command, about]) => ({ command, about })),
    })),
    topics: TOPIC_NAMES,
  }
}

function optionJson({ flags, about, choices }: OptionSpec) {
  return { flags, about, takes_value: /[<[]/.test(flags), ...(choices ? { choices } : {}) }
}
