/**
 * Makes the pictures of the README from what the release executable really prints: a demonstration daemon in
 * an empty home, a short conversation, and the commands a new user would try.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { terminalPicture } from './terminal-picture.ts'

const root = join(import.meta.dir, '..')
const executable = join(root, 'dist/engram')
const pictures = join(root, 'docs/pictures')
const home = mkdtempSync(join(tmpdir(), 'engram-pictures-'))
const env = {
  PATH: process.env.PATH ?? '',
  HOME: home,
  ENGRAM_PORT: '0',
  TERM: 'xterm-256color',
}

/** In a terminal of 100 columns, as a person would see it. */
async function engram(typed: string, shows: RegExp) {
  const command = typed.replace(/^engram/, `"${executable}"`)
  const child = Bun.spawn(['script', '-qec', `stty cols 100; ${command}`, '/dev/null'], {
    cwd: home,
    env,
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const printed = (await new Response(child.stdout).text()).replaceAll('\r\n', '\n')
  if ((await child.exited) !== 0) throw new Error(`${typed} failed: ${printed}`)
  // A picture of the product failing would say so in the README for ever.
  if (!shows.test(Bun.stripANSI(printed)))
    throw new Error(`${typed} does not show ${shows}: ${printed}`)
  return { typed, printed }
}

async function main(): Promise<void> {
  const daemon = Bun.spawn([executable, 'serve', '--demo'], {
    cwd: home,
    env,
    stdout: 'ignore',
    stderr: 'inherit',
  })
  try {
    const { url, key } = await running()
    const say = (content: string) =>
      fetch(`${url}/v1/chat`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-engram-key': key },
        body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content }] }),
      }).then((answer) => answer.text())
    await say("Hi, I'm Sam. I'm vegetarian and I work on a Bun service called Atlas.")
    await settled(url, key)
    await say('What should I cook for dinner tonight?')
    await settled(url, key)
    mkdirSync(pictures, { recursive: true })
    const draw = (name: string, title: string, steps: Awaited<ReturnType<typeof engram>>[]) =>
      writeFileSync(join(pictures, `${name}.svg`), terminalPicture({ title, steps }))
    draw('memories', 'What was learned, and a search', [
      await engram('engram memories list', /User is vegetarian/),
      await engram('engram search "which diet should the menu fit"', /User is vegetarian/),
    ])
    draw('why', 'The receipt of an answer', [await engram('engram why last', /\bin\b.*vegetarian/)])
  } finally {
    daemon.kill('SIGTERM')
    await daemon.exited
    rmSync(home, { recursive: true, force: true })
  }
}

async function running(): Promise<{ url: string; key: string }> {
  for (;;) {
    try {
      const { url } = JSON.parse(
        readFileSync(join(home, '.local/state/engram/daemon.json'), 'utf8'),
      ) as { url: string }
      const key = readFileSync(join(home, '.local/share/engram/local.key'), 'utf8').trim()
      if ((await fetch(`${url}/ready`)).ok) return { url, key }
    } catch {
      // not there yet
    }
    await Bun.sleep(50)
  }
}

async function settled(url: string, key: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/status`, { headers: { 'x-engram-key': key } })
    const { jobs } = (await answer.json()) as {
      jobs: Record<string, { queued: number; running: number }>
    }
    if (Object.values(jobs).every(({ queued, running }) => queued + running === 0)) return
    await Bun.sleep(50)
  }
}

await main()
