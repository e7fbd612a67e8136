import { SETTING_NAMES, SETTINGS, type Setting } from '../daemon/settings.ts'
import { ERROR_TABLE } from './errors.ts'
import { flow, listing, type TopicName } from './help.ts'
import { formatTable, type Output } from './output.ts'

type Page = Pick<Output, 'width' | 'paint'>

/** Lines of a help topic. */
export const TOPICS: Readonly<Record<TopicName, (page: Page) => string[]>> = {
  environment: (page) => [
    ...flow(
      'A setting is taken from the flag, else from the environment, else from config.toml, else it has its default. engram config list --origin says which it was.',
      page.width,
    ),
    '',
    page.paint('bold', 'Settings'),
    ...SETTING_NAMES.flatMap((name) => settingHelp(name, page)),
    '',
    page.paint('bold', 'Of the command line itself'),
    ...listing(
      [
        ['ENGRAM_HOME', 'one folder for everything, as --home; otherwise the XDG folders'],
        ['ENGRAM_URL', 'the daemon to talk to, as --url; none is started then'],
        ['ENGRAM_API_KEY', 'the key to send, instead of the local one'],
        ['NO_COLOR, FORCE_COLOR', 'no colours, or colours also into files and pipes'],
      ],
      page,
    ),
  ],

  'exit-codes': (page) => [
    ...formatTable(
      {
        columns: [
          { title: '', align: 'right', style: 'bold' },
          { title: '', flexible: true },
        ],
        rows: [
          ['0', 'done; a search that finds nothing is done too'],
          ['1', 'failed, or doctor found an error'],
          ['2', 'wrong usage'],
          ['3', 'the named thing was not found'],
          ['4', 'the key is missing, wrong, or lacks the right'],
          ['5', 'daemon or provider not reachable'],
          ['6', 'refused: would overwrite, moved on meanwhile, or needs a confirmation'],
          ['7', 'partly done: some lines of an import were rejected'],
          ['130', 'stopped by Ctrl-C'],
        ],
        indent: 2,
      },
      page.width,
      page.paint,
    ),
    '',
    page.paint('bold', 'Errors'),
    ...formatTable(
      {
        columns: [
          { title: '', style: 'cyan' },
          { title: '', align: 'right' },
          { title: '', flexible: true },
        ],
        rows: ERROR_TABLE.map(({ code, exit, about }) => [code, String(exit), about]),
        indent: 2,
      },
      page.width,
      page.paint,
    ),
  ],

  json: (page) => [
    ...flow(
      'With --json every command prints one JSON document on standard output, and nothing else there. Names are those of the REST interface; fields are added over time, never renamed. Times are ISO 8601 in UTC.',
      page.width,
    ),
    '',
    ...flow(
      'Errors are one JSON document on standard error, with the exit code of engram help exit-codes:',
      page.width,
    ),
    '  {"error":{"code":"E_NOT_FOUND","message":"no memory mem_7f3a","fix":"engram memories list --status all"}}',
    '',
    page.paint('bold', 'Examples'),
    "  engram search editor --json | jq -r '.memories[].content'",
    "  engram memories list --status pending --json | jq '.total'",
    '  engram export > memories.jsonl          (one memory a line)',
  ],

  privacy: (page) => [
    ...flow(
      'Everything stays on this machine. Engram sends nothing to anybody by itself: no usage counts, no crash reports, no check for updates.',
      page.width,
    ),
    '',
    ...flow(
      'It contacts other hosts for four reasons only, and the last three only when you ask for them:',
      page.width,
    ),
    '',
    ...listing(
      [
        ['chats', 'they are forwarded to the provider that your app asked for'],
        [
          'learning',
          'with extraction.provider set, exchanges go to that provider, which finds memories in them; the built-in rules do without',
        ],
        [
          'embedding',
          'with openai:MODEL or ollama:MODEL as the embedding model, every memory and every question goes to that server; the built-in models run here',
        ],
        ['models', 'engram embeddings use NAME fetches a model that is not built in, once'],
      ],
      page,
    ),
    '',
    ...listing(
      [
        ['engram config list', 'providers and their addresses'],
        ['engram memories list', 'everything it knows'],
        [
          'engram conversations list',
          'the exchanges it kept; memory.keep_conversations_days limits how long',
        ],
        ['engram memories rm --all', 'forget it all'],
      ],
      page,
    ),
  ],

  proxy: (page) => [
    ...flow(
      'Give your app the address of Engram instead of the provider’s. It adds what it knows to each request, forwards it with the key your app sends, and learns from the answer.',
      page.width,
    ),
    '',
    ...listing(
      [
        ['engram run claude', 'one program with memory, and no setting changed'],
        ['engram proxy env', 'OPENAI_BASE_URL, ANTHROPIC_BASE_URL and the like, for your shell'],
        ['engram tail', 'what goes through, as it goes'],
        ['engram why last', 'what memory did for the last answer'],
      ],
      page,
    ),
    '',
    page.paint('bold', 'Addresses'),
    ...listing(
      [
        ['OpenAI', 'http://127.0.0.1:3647/openai/v1'],
        ['Anthropic', 'http://127.0.0.1:3647/anthropic'],
        ['Gemini', 'http://127.0.0.1:3647/gemini'],
        ['Ollama', 'http://127.0.0.1:3647/ollama'],
      ],
      page,
    ),
    '',
    page.paint('bold', 'Headers, for one request'),
    ...listing(
      [
        ['X-Engram-Memory', 'on, read, write or off'],
        ['X-Engram-Namespace', 'another partition of your memories'],
        ['X-Engram-Key', 'whose memories, where that is not clear'],
      ],
      page,
    ),
    '',
    page.paint('bold', 'Try it'),
    '  engram serve --demo',
    "  curl http://127.0.0.1:3647/v1/chat/completions -H 'content-type: application/json' \\",
    `    -d '{"model":"demo","messages":[{"role":"user","content":"I prefer tabs."}]}'`,
    '  engram why last',
  ],
}

function settingHelp(name: (typeof SETTING_NAMES)[number], { width, paint }: Page): string[] {
  const { about, env, fallback, flag } = SETTINGS[name] as Setting<unknown>
  const [own, ...others] = env
  const usual = Array.isArray(fallback) ? fallback.join(', ') : fallback
  const also = others.length > 0 ? `; also ${others.join(', ')}` : ''
  const byFlag = flag ? `; engram serve --${flag}` : ''
  const ends = usual === null || usual === '' ? '' : ` (default: ${String(usual)})`
  return [
    `  ${paint('cyan', own!)}  ${paint('dim', name)}`,
    ...flow(`${about}${ends}${byFlag}${also}`, (width ?? 100) - 6).map((line) => `      ${line}`),
  ]
}
