/** The `engram` command: argv in, exit code out. */
import { versionLine } from './commands/version.ts'

async function main(argv: readonly string[]): Promise<number> {
  // Asked for by installers and shells, in a hurry: before anything else is loaded.
  if (argv[0] === '--version' || argv[0] === '-V') {
    console.log(versionLine())
    return 0
  }
  const { run } = await import('./run.ts')
  return run(argv, process)
}

process.exit(await main(process.argv.slice(2)))
