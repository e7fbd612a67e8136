import type { ArgumentSpec, CommandSpec, OptionSpec } from './command.ts'
import { SHELLS } from './proxy-env.ts'
import { clientName, deadline, share, timeSpan, variableName, wholeNumber } from './values.ts'

/** Flags that every command takes, before or after its name. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { flags: '--json', about: 'print JSON: data on stdout, errors on stderr' },
  { flags: '-q, --quiet', about: 'print data and errors only' },
  {
    flags: '--color <WHEN>',
    about: 'auto, always or never',
    choices: ['auto', 'always', 'never'],
  },
  { flags: '--no-input', about: 'never ask; what needs an answer ends with exit code 6' },
  { flags: '-y, --yes', about: 'answer every question with yes' },
  {
    flags: '--namespace <NAME>',
    about: 'the partition of your memories to use (default: default)',
  },
  { flags: '--home <DIR>', about: 'keep everything in this folder (also ENGRAM_HOME)' },
  { flags: '--url <URL>', about: 'talk to this daemon and start none (also ENGRAM_URL)' },
  { flags: '--timeout <TIME>', about: 'wait so long for an answer, such as 10s', read: timeSpan },
]

const MEMORY_ID: ArgumentSpec = {
  name: '<ID>',
  about: 'a memory; any unique beginning of its id will do',
}
const CATEGORY: OptionSpec = {
  flags: '--category <NAME>',
  about: 'preferences, projects, skills, … or one of yours',
}
const EXPIRES: OptionSpec = {
  flags: '--expires <WHEN>',
  about: 'not recalled from then on: 30d, 6mo, a date, or never',
  read: (text) => deadline(text),
}
const LIMIT: OptionSpec = {
  flags: '-n, --limit <N>',
  about: 'at most so many (default: 20)',
  read: wholeNumber(1, 10_000),
}
const OFFSET: OptionSpec = {
  flags: '--offset <N>',
  about: 'skip so many first',
  read: wholeNumber(0, 10_000_000),
}

const CLIENTS: ArgumentSpec = { name: '[NAME...]', about: 'a client: engram clients list --all' }
const SCOPE: OptionSpec = {
  flags: '--scope <SCOPE>',
  about: 'user (default), or project: the settings of this folder',
  choices: ['user', 'project'],
}
const TRANSPORT: OptionSpec = {
  flags: '--transport <KIND>',
  about: 'stdio (default): the client starts Engram; http: it calls the daemon',
  choices: ['stdio', 'http'],
}
const KEY_ENV: OptionSpec = {
  flags: '--key-env <NAME>',
  about: 'with http: the variable that holds a key; only its name is written',
  read: variableName,
}

/** Every command, in the order of help. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    path: 'serve',
    about: 'run the daemon in this terminal: proxy, REST and storage',
    details:
      'Ctrl-C stops it after finishing what is under way; a second one stops at once. Commands start a daemon in the background when none runs; this takes over from it.',
    options: [
      { flags: '--host <ADDRESS>', about: 'address to listen on (default: 127.0.0.1)' },
      { flags: '--port <PORT>', about: 'port to listen on (default: 3647)' },
      {
        flags: '--demo',
        about: 'answer chats with a mock provider inside; needs no key and no network',
      },
      { flags: '--require-key', about: 'refuse proxied requests without an Engram key' },
      { flags: '--behind-proxy', about: 'a reverse proxy in front ends TLS' },
      { flags: '--tls-cert <FILE>', about: 'TLS certificate (PEM)' },
      { flags: '--tls-key <FILE>', about: 'TLS key (PEM)' },
      { flags: '--legacy-sse', about: 'also serve MCP in its old form, at /sse' },
      { flags: '--log-format <FORMAT>', about: 'text or json' },
      { flags: '--background', about: 'as commands start it: leaves when idle', hidden: true },
    ],
    examples: [
      ['engram serve', 'listen on 127.0.0.1:3647'],
      ['engram serve --demo --port 4000', 'try it without a provider'],
      ['engram serve --log-format json 2>engram.log', 'logs for a machine'],
    ],
  },
  {
    path: 'status',
    about: 'what the running daemon holds and does',
    examples: [
      ['engram status', 'for people'],
      ['engram status --json', 'for programs; exit code 5 when none runs'],
    ],
  },
  {
    path: 'stop',
    about: 'end the running daemon after it has finished what is under way',
    examples: [
      ['engram stop', 'waits until it is gone'],
      ['engram stop --timeout 60s', 'gives long answers more time'],
    ],
  },
  {
    path: 'ui',
    about: 'the web console, which is not in this version yet',
    options: [{ flags: '--print', about: 'print the address only' }],
    examples: [
      ['engram ui', 'says what does its work'],
      ['engram ui --print', 'print where it will be'],
    ],
  },

  {
    path: 'memories',
    about: 'what Engram knows: add, find, change, remove',
    examples: [
      ['engram memories list', 'the newest'],
      ['engram memories search "which editor"', 'by meaning'],
    ],
  },
  {
    path: 'memories add',
    about: 'store a memory',
    details:
      'One statement that stands alone, of at most 4,000 characters. Without TEXT, or with -, it is read from standard input.',
    args: [{ name: '[TEXT...]', about: 'the statement, or -' }],
    options: [
      CATEGORY,
      { flags: '--pin', about: 'always give it to the model' },
      EXPIRES,
      { flags: '--file <FILE>', about: 'read the text from a file' },
    ],
    aliases: ['add'],
    examples: [
      ['engram add "I prefer tabs over spaces"', 'a preference'],
      ['engram add "On call this week" --expires 7d', 'forgotten in time'],
      ['echo "Deploys with Kamal" | engram add - --json', 'from a program'],
    ],
  },
  {
    path: 'memories search',
    about: 'find memories by meaning and by words',
    args: [{ name: '[QUERY...]', about: 'a question or words, or - for standard input' }],
    options: [
      {
        flags: '-n, --limit <N>',
        about: 'at most so many (default: 5)',
        read: wholeNumber(1, 100),
      },
      { flags: '--threshold <SCORE>', about: 'only from this score up, 0 to 1', read: share },
      { flags: '--explain', about: 'show what each score is made of' },
    ],
    aliases: ['search'],
    examples: [
      ['engram search "what should I cook"', 'nothing found is no error'],
      ['engram search editor -n 1 --json', 'for programs'],
      ['engram search editor --explain', 'why these'],
    ],
  },
  {
    path: 'memories list',
    about: 'list memories, newest first',
    options: [
      {
        flags: '--status <STATUS>',
        about: 'approved (default), pending, rejected, superseded or all',
        choices: ['approved', 'pending', 'rejected', 'superseded', 'all'],
      },
      CATEGORY,
      { flags: '--search <WORDS>', about: 'only those that hold every word' },
      LIMIT,
      OFFSET,
      {
        flags: '--order <FIELD>',
        about: 'created_at (default), updated_at, last_accessed or access_count',
        choices: ['created_at', 'updated_at', 'last_accessed', 'access_count'],
      },
      { flags: '--ascending', about: 'smallest or oldest first' },
    ],
    examples: [
      ['engram memories list --search typescript', 'by words'],
      ['engram memories list --status all --limit 100', 'also what no longer holds'],
      ['engram memories list --order access_count', 'the most used'],
    ],
  },
  {
    path: 'memories show',
    about: 'everything about one memory',
    args: [MEMORY_ID],
    examples: [
      ['engram memories show mem_7f3a', 'by the beginning of its id'],
      ['engram memories show mem_7f3a --json', 'for programs'],
    ],
  },
  {
    path: 'memories edit',
    about: 'change a memory; undo takes it back',
    args: [MEMORY_ID, { name: '[TEXT...]', about: 'the new statement, or -' }],
    options: [
      CATEGORY,
      { flags: '--pin', about: 'always give it to the model' },
      { flags: '--unpin', about: 'only when it fits the question' },
      EXPIRES,
      { flags: '--approve', about: 'let it be recalled' },
      { flags: '--reject', about: 'keep it, but never recall it' },
    ],
    examples: [
      ['engram memories edit mem_7f3a "I prefer spaces"', 'a new wording'],
      ['engram memories edit mem_7f3a --pin --expires never', 'keep it in every prompt'],
    ],
  },
  {
    path: 'memories rm',
    about: 'delete memories; undo brings them back',
    args: [{ name: '[ID...]', about: 'one or more memories' }],
    options: [{ flags: '--all', about: 'every memory, or every one of --namespace' }],
    aliases: ['rm'],
    examples: [
      ['engram rm mem_7f3a', 'one: done at once'],
      ['engram rm mem_7f3a mem_1b0c', 'several: asks first'],
      ['engram memories rm --all --namespace work', 'asks for the name to be typed'],
    ],
  },
  {
    path: 'memories history',
    about: 'what happened to a memory, also when it is gone',
    args: [MEMORY_ID],
    examples: [
      ['engram memories history mem_7f3a', 'oldest first'],
      ['engram memories history mem_7f3a --json', 'with every field before and after'],
    ],
  },
  {
    path: 'memories undo',
    about: 'take back the latest change, or a named one',
    details:
      'Without ID it takes back the latest change that is in force and no undo itself: called again, it goes on with the one before. An undo is taken back by its own id.',
    args: [{ name: '[ID]', about: 'an event, an operation or a memory' }],
    options: [
      { flags: '--list', about: 'show the latest changes and whether each was undone' },
      {
        flags: '-n, --limit <N>',
        about: 'with --list: at most so many (default: 20)',
        read: wholeNumber(1, 1_000),
      },
    ],
    aliases: ['undo'],
    examples: [
      ['engram undo', 'the latest change'],
      ['engram undo --list', 'which there are, with their ids'],
      ['engram undo mem_7f3a', 'the latest change of that memory'],
    ],
  },
  {
    path: 'memories export',
    about: 'write every memory as one JSON object a line',
    options: [
      {
        flags: '-o, --output <FILE>',
        about: 'a file that only you can read, or - for standard output',
      },
    ],
    aliases: ['export'],
    examples: [
      ['engram export -o memories.jsonl', 'to a file'],
      ['engram export | gzip > memories.jsonl.gz', 'to another program'],
    ],
  },
  {
    path: 'memories import',
    about: 'store memories from JSON lines or a JSON array',
    details:
      'Takes what export writes, or as little as {"content": "…"} a line. Doing it twice changes nothing. Lines that are refused are listed; exit code 7 then.',
    args: [{ name: '[FILE]', about: 'a file, or - for standard input' }],
    aliases: ['import'],
    examples: [
      ['engram import memories.jsonl', 'from a file'],
      ['gunzip < memories.jsonl.gz | engram import -', 'from another program'],
    ],
  },

  {
    path: 'why',
    about: 'which memories went into an answer, and why the others did not',
    args: [{ name: '[ID]', about: 'a receipt (X-Engram-Receipt), or last (default)' }],
    options: [{ flags: '--search', about: 'the last search instead of the last chat' }],
    examples: [
      ['engram why last', 'the last answer'],
      ['engram why rcp_91ab --json', 'one of the past, with every score'],
    ],
  },
  {
    path: 'tail',
    about: 'watch requests go through the proxy',
    details:
      'One line a request when its answer has ended: time, client, provider and model, status, duration, memories that went in, and what memory did. No text, no header and no key is shown. Ctrl-C ends it.',
    options: [
      { flags: '--client <NAME>', about: 'only of clients whose name begins so' },
      {
        flags: '--status <WHICH>',
        about: 'ok, or error: refused, broken off or left',
        choices: ['ok', 'error'],
      },
    ],
    examples: [
      ['engram tail', 'everything of yours'],
      ['engram tail --client claude --status error', 'what went wrong'],
      ['engram tail --json', 'one JSON object a line, for programs'],
    ],
  },
  {
    path: 'eval',
    about: 'measure how well recall finds things, without a language model',
    details:
      'With --data: public test sets (LoCoMo, LongMemEval, BEAM, PrefEval), a folder each with their JSON files as published; the recall of this build is held against cosine, BM25 and their fusion. With --queries: your own questions against your own memories, a line each: {"query": "…", "relevant": ["words or id of a memory"]}; an empty list means that nothing may come back.',
    options: [
      { flags: '--data <DIR>', about: 'the folder of the test sets' },
      { flags: '--sets <NAMES>', about: 'only these, separated by commas' },
      {
        flags: '--embedder <NAME>',
        about: 'minilm or static (default: that of this platform)',
        choices: ['minilm', 'static'],
      },
      {
        flags: '--seed <N>',
        about: 'another order of storing (default: 1)',
        read: wholeNumber(0, 2 ** 31 - 1),
      },
      { flags: '--queries <FILE>', about: 'your own labelled queries, as JSON lines' },
      {
        flags: '--gate',
        about:
          'exit code 1 when they went better before; the first run is what later ones are held against',
      },
      { flags: '--save', about: 'hold later runs against this one' },
    ],
    examples: [
      ['engram eval --data ./data', 'every set, as a table with definitions'],
      ['engram eval --data ./data --sets locomo-facts --json', 'one set, for programs'],
      ['engram eval --queries queries.jsonl --gate', 'after a change of settings'],
    ],
  },
  {
    path: 'review',
    about: 'memories that wait for your decision',
    examples: [
      ['engram review list', 'what waits'],
      ['engram review approve mem_7f3a', 'let it be recalled'],
    ],
  },
  {
    path: 'review list',
    about: 'list what waits',
    options: [LIMIT, OFFSET],
    examples: [
      ['engram review list', 'newest first'],
      ['engram review list --json', 'for programs'],
    ],
  },
  {
    path: 'review approve',
    about: 'let memories be recalled',
    args: [{ name: '<ID...>', about: 'memories that wait' }],
    examples: [
      ['engram review approve mem_7f3a', 'one'],
      ['engram review approve mem_7f3a mem_1b0c', 'several'],
    ],
  },
  {
    path: 'review reject',
    about: 'keep memories, but never recall them',
    args: [{ name: '<ID...>', about: 'memories that wait' }],
    examples: [
      ['engram review reject mem_7f3a', 'one'],
      ['engram undo', 'take it back'],
    ],
  },
  {
    path: 'conflicts',
    about: 'pairs of memories that cannot both hold',
    examples: [
      ['engram conflicts list', 'what is open'],
      ['engram conflicts resolve cfl_52 accept_new', 'decide one'],
    ],
  },
  {
    path: 'conflicts list',
    about: 'list open conflicts, old and new side by side',
    options: [LIMIT, OFFSET],
    examples: [
      ['engram conflicts list', 'for people'],
      ['engram conflicts list --json', 'for programs'],
    ],
  },
  {
    path: 'conflicts resolve',
    about: 'decide a conflict',
    args: [
      { name: '<ID>', about: 'a conflict; any unique beginning of its id will do' },
      { name: '<DECISION>', about: 'accept_new, keep_old or keep_both' },
    ],
    examples: [
      ['engram conflicts resolve cfl_52 accept_new', 'the new one replaces the old'],
      ['engram conflicts resolve cfl_52 keep_both', 'both hold'],
    ],
  },

  {
    path: 'conversations',
    about: 'the exchanges that memories were learned from',
    examples: [
      ['engram conversations list', 'the latest'],
      ['engram conversations show conv_3k', 'word for word'],
    ],
  },
  {
    path: 'conversations list',
    about: 'list conversations, the one that went on last first',
    options: [LIMIT, OFFSET],
    examples: [
      ['engram conversations list', 'of all namespaces'],
      ['engram conversations list --namespace work', 'of one'],
    ],
  },
  {
    path: 'conversations show',
    about: 'a conversation, word for word',
    args: [{ name: '<ID>', about: 'a conversation; any unique beginning of its id will do' }],
    examples: [
      ['engram conversations show conv_3k', 'for people'],
      ['engram conversations show conv_3k --json', 'for programs'],
    ],
  },
  {
    path: 'conversations rm',
    about: 'delete conversations for good; memories learned from them stay',
    args: [{ name: '<ID...>', about: 'one or more conversations' }],
    examples: [
      ['engram conversations rm conv_3k', 'asks first: there is no undo'],
      ['engram conversations rm conv_3k --yes', 'does not ask'],
    ],
  },
  {
    path: 'namespaces',
    about: 'partitions of your memories',
    examples: [
      ['engram namespaces list', 'with how much they hold'],
      ['engram add "Standup is at ten" --namespace work', 'a first memory makes one'],
    ],
  },
  {
    path: 'namespaces list',
    about: 'list namespaces and how many memories they hold',
    examples: [
      ['engram namespaces list', 'for people'],
      ['engram namespaces list --json', 'for programs'],
    ],
  },
  {
    path: 'users',
    about: 'people or applications with memories of their own',
    examples: [
      ['engram users list', 'all of them'],
      ['engram users create ada', 'prints their first key, this once'],
    ],
  },
  {
    path: 'users create',
    about: 'create a user and print their first key, this once',
    args: [{ name: '<NAME>', about: 'their name or id in your application' }],
    examples: [
      ['engram users create ada', 'the key goes to standard output'],
      ['engram users create ada --json', 'with the ids'],
    ],
  },
  {
    path: 'users list',
    about: 'list users, oldest first',
    options: [LIMIT, OFFSET],
    examples: [
      ['engram users list', 'for people'],
      ['engram users list --json', 'for programs'],
    ],
  },
  {
    path: 'users rm',
    about: 'remove a user and everything of theirs, for good',
    args: [{ name: '<NAME>', about: 'the name they were created with, or their id' }],
    examples: [
      ['engram users rm ada', 'asks for the name to be typed'],
      ['engram users rm ada --yes', 'does not ask'],
    ],
  },
  {
    path: 'keys',
    about: 'API keys for applications',
    examples: [
      ['engram keys create editor', 'prints the key, this once'],
      ['engram keys list', 'which exist, and when they were last used'],
    ],
  },
  {
    path: 'keys list',
    about: 'list your keys',
    examples: [
      ['engram keys list', 'for people'],
      ['engram keys list --json', 'for programs'],
    ],
  },
  {
    path: 'keys create',
    about: 'create a key and print it, this once',
    args: [{ name: '<NAME>', about: 'what it is for' }],
    options: [
      { flags: '--read-only', about: 'may find and list, but change nothing' },
      {
        flags: '--proxy-only',
        about: 'opens the proxy and nothing else, so that it may stand in a URL',
      },
      { ...EXPIRES, about: 'refused from then on: 30d, 6mo or a date' },
    ],
    examples: [
      ['engram keys create editor', 'the key goes to standard output'],
      ['engram keys create report --read-only --expires 90d', 'as little as it needs'],
    ],
  },
  {
    path: 'keys revoke',
    about: 'revoke a key at once',
    args: [{ name: '<ID>', about: 'a key: its id, a unique beginning of it, or its name' }],
    examples: [
      ['engram keys revoke editor', 'by name'],
      ['engram keys revoke key_4t', 'by id'],
    ],
  },
  {
    path: 'apps',
    about: 'apps that you let use your memories, by OAuth',
    details:
      'An app that is given the address of MCP and no key opens a page in your browser and asks. You show there that it is you, with a code of engram apps approve.',
    examples: [
      ['engram apps approve', 'a code for the page that an app has opened'],
      ['engram apps list', 'who was let in, and what each may do'],
    ],
  },
  {
    path: 'apps list',
    about: 'list the apps that were let in, newest first',
    examples: [
      ['engram apps list', 'for people'],
      ['engram apps list --json', 'for programs'],
    ],
  },
  {
    path: 'apps approve',
    about: 'print a code that lets an app in, once, within five minutes',
    options: [{ flags: '--read-only', about: 'the app may find and list, but change nothing' }],
    examples: [
      ['engram apps approve', 'type it into the page that the app has opened'],
      ['engram apps approve --read-only', 'as little as the app needs'],
    ],
  },
  {
    path: 'apps revoke',
    about: 'shut an app out at once',
    args: [{ name: '<ID>', about: 'an app: its id, a unique beginning of it, or its name' }],
    examples: [
      ['engram apps revoke grt_4t', 'by id'],
      ['engram apps revoke "Claude Code"', 'by name'],
    ],
  },
  {
    path: 'jobs',
    about: 'work after answers: learning from exchanges',
    examples: [
      ['engram jobs list', 'newest first'],
      ['engram jobs list --state dead', 'what was given up'],
    ],
  },
  {
    path: 'jobs list',
    about: 'list jobs, newest first',
    options: [
      {
        flags: '--state <STATE>',
        about: 'queued, running, done or dead',
        choices: ['queued', 'running', 'done', 'dead'],
      },
      LIMIT,
      OFFSET,
    ],
    examples: [
      ['engram jobs list', 'all'],
      ['engram jobs list --state dead --json', 'for programs'],
    ],
  },
  {
    path: 'jobs show',
    about: 'one job and what came of it',
    args: [{ name: '<ID>', about: 'a job; any unique beginning of its id will do' }],
    examples: [
      ['engram jobs show job_8c', 'for people'],
      ['engram jobs show job_8c --json', 'for programs'],
    ],
  },
  {
    path: 'jobs retry',
    about: 'run a job again that was given up',
    args: [{ name: '<ID>', about: 'a dead job' }],
    examples: [
      ['engram jobs retry job_8c', 'queued again at once'],
      ['engram jobs list --state dead', 'which there are'],
    ],
  },

  {
    path: 'run',
    about: 'run a program with memory: its requests go through the proxy',
    details:
      'Nothing of the program’s settings is changed; what it needs to know stands in its environment. Starts the daemon when none runs, passes signals, and ends with the program’s exit code.',
    args: [
      { name: '<PROGRAM>', about: 'claude, codex, or any other by name or path' },
      { name: '[ARGS...]', about: 'its arguments; options of its own stand behind --' },
    ],
    examples: [
      ['engram run claude', 'Claude Code'],
      ['engram run codex -- exec "Explain this repository"', 'Codex; it needs OPENAI_API_KEY'],
      ['engram run --namespace work python app.py', 'any program, with other memories'],
    ],
  },
  {
    path: 'proxy',
    about: 'send programs through the proxy',
    examples: [
      ['engram proxy env', 'what to set in a shell'],
      ['engram help proxy', 'how the proxy is used'],
    ],
  },
  {
    path: 'proxy env',
    about: 'print the variables that send client libraries through the proxy',
    details:
      'The key of ENGRAM_API_KEY is named, not printed. --namespace reaches the clients of OpenAI and Anthropic and the Gemini CLI, which send headers that variables name; libraries of Gemini and Ollama do not.',
    options: [
      {
        flags: '--shell <SHELL>',
        about: 'bash (also for zsh), fish or pwsh (default: yours)',
        choices: SHELLS,
      },
    ],
    examples: [
      ['eval "$(engram proxy env)"', 'for everything that this shell starts'],
      ['engram proxy env --shell fish | source', 'the same in fish'],
      ['engram proxy env --json', 'for programs'],
    ],
  },

  {
    path: 'embeddings',
    about: 'what turns texts into vectors: which model, and changing it',
    examples: [
      ['engram embeddings status', 'which is in force, and how far another one is'],
      ['engram embeddings use bge-small-en-v1.5', 'fetch a better one and switch to it'],
    ],
  },
  {
    path: 'embeddings status',
    about: 'which model is in force, and how far another one is that takes over',
    examples: [
      ['engram embeddings status', 'for people'],
      ['engram embeddings status --json', 'for programs; state is ready, building or failed'],
    ],
  },
  {
    path: 'embeddings list',
    about: 'models that can be chosen by name',
    examples: [
      ['engram embeddings list', 'with size and licence; nothing is fetched'],
      ['engram embeddings list --json', 'for programs'],
    ],
  },
  {
    path: 'embeddings use',
    about: 'switch to another model; the old one answers until the new index is full',
    details:
      'MODEL is minilm, static, a name of engram embeddings list (fetched now), openai:MODEL or ollama:MODEL (text goes to that server), or a folder with a sentence-transformers model in ONNX. Naming the model in force ends a switch that is under way.',
    args: [{ name: '<MODEL>', about: 'the model to switch to' }],
    options: [
      { flags: '--file <FILE>', about: 'which ONNX file of the folder, such as onnx/model.onnx' },
      { flags: '--wait', about: 'stay until it has taken over' },
    ],
    examples: [
      ['engram embeddings use static', 'the small one, in the background'],
      ['engram embeddings use multilingual-e5-small --wait', 'for other languages than English'],
      ['engram embeddings use ollama:nomic-embed-text', 'by a server of yours'],
      ['engram embeddings use ~/models/my-model', 'a folder'],
    ],
  },
  {
    path: 'embeddings reindex',
    about: 'make every vector anew with the model in force; the old ones answer meanwhile',
    options: [{ flags: '--wait', about: 'stay until it is done' }],
    examples: [
      ['engram embeddings reindex', 'when a server has another model under the same name'],
      ['engram embeddings reindex --wait', 'and wait for it'],
    ],
  },

  {
    path: 'mcp',
    about: 'serve memory tools to an MCP client',
    details:
      'A client starts it and speaks to it over standard input and output. Over HTTP the daemon itself serves the same tools at /mcp.',
    options: [
      { flags: '--stdio', about: 'over standard input and output' },
      {
        flags: '--client <NAME>',
        about: 'the client’s name, kept as the source of what it captures',
        read: clientName,
      },
    ],
    examples: [
      ['engram mcp --stdio', 'what a client starts'],
      ['engram mcp --stdio --client cursor', 'with its name'],
      ['engram mcp --stdio --namespace work', 'with the memories of one namespace'],
    ],
  },
  {
    path: 'clients',
    about: 'connect Claude, Cursor, VS Code, Codex and others',
    examples: [
      ['engram clients list', 'which are here, and which are connected'],
      ['engram clients connect cursor', 'one command, then restart it'],
    ],
  },
  {
    path: 'clients list',
    about: 'list the clients of this machine and how they are connected',
    options: [{ flags: '--all', about: 'also those that were not found' }],
    examples: [
      ['engram clients list', 'for people'],
      ['engram clients list --all --json', 'for programs'],
    ],
  },
  {
    path: 'clients connect',
    about: 'let clients use Engram',
    details:
      'Changes only the entry of Engram in the client’s settings and leaves every other byte as it is; a copy of the file is kept. A file that cannot be read is refused (exit code 6). With --hooks the client also recalls and learns by itself; what it will run is shown first.',
    args: [CLIENTS],
    options: [
      SCOPE,
      TRANSPORT,
      KEY_ENV,
      { flags: '--hooks', about: 'recall and learn automatically (claude-code, codex)' },
      { flags: '--all', about: 'every client that was found; asks first' },
      { flags: '--dry-run', about: 'show the change and write nothing' },
      { flags: '--force', about: 'replace another server called engram' },
    ],
    examples: [
      ['engram clients connect cursor --dry-run', 'see what would change'],
      ['engram clients connect claude-code --hooks', 'with automatic memory'],
      ['engram clients connect vscode --scope project', 'for this project only'],
      ['engram clients connect --all --yes', 'everything that is here'],
    ],
  },
  {
    path: 'clients disconnect',
    about: 'take Engram out of clients again, hooks included',
    details:
      'Removes only what connect wrote. A file that nobody has changed since is as before, to the byte.',
    args: [CLIENTS],
    options: [
      SCOPE,
      { flags: '--all', about: 'every client that is connected; asks first' },
      { flags: '--dry-run', about: 'show the change and write nothing' },
      { flags: '--force', about: 'also an entry that is not ours' },
    ],
    examples: [
      ['engram clients disconnect cursor', 'one'],
      ['engram clients disconnect --all --yes', 'all of them'],
    ],
  },
  {
    path: 'clients test',
    about: 'start Engram exactly as a client would, and list its tools',
    details:
      'Reads the client’s settings, starts the command that stands there with hardly an environment and a short PATH, lists its tools, calls one that changes nothing, and times it.',
    args: [{ name: '<NAME>', about: 'a client: engram clients list' }],
    options: [SCOPE],
    examples: [
      ['engram clients test cursor', 'does it work?'],
      ['engram clients test claude-desktop --json', 'for programs'],
    ],
  },
  {
    path: 'clients print',
    about: 'print what to put where by hand; changes nothing',
    args: [{ name: '<NAME>', about: 'a client: engram clients list --all' }],
    options: [TRANSPORT, KEY_ENV],
    examples: [
      ['engram clients print goose', 'for a client that is not written to'],
      ['engram clients print cursor --transport http', 'to call the daemon by its address'],
    ],
  },
  {
    path: 'hook',
    about: 'what clients run at the start, at a prompt and at the end of an answer',
    details:
      'Written by engram clients connect --hooks. Reads what the client says on standard input. Never fails: when something is wrong it prints nothing, and a line goes to hooks.log.',
    hidden: true,
    args: [{ name: '[EVENT]', about: 'session-start, prompt or stop' }],
    options: [{ flags: '--client <NAME>', about: 'who calls: claude-code or codex' }],
    examples: [
      ['engram hook prompt --client claude-code < prompt.json', 'what would be recalled'],
      ['engram hook stop --client codex < stop.json', 'keep the last exchange'],
    ],
  },
  {
    path: 'config',
    about: 'settings and where each comes from',
    examples: [
      ['engram config list --origin', 'what is in force, and who set it'],
      ['engram config set memory.review all', 'change one'],
    ],
  },
  {
    path: 'config list',
    about: 'list every setting',
    options: [{ flags: '--origin', about: 'also say who set it' }],
    examples: [
      ['engram config list', 'what is in force'],
      ['engram config list --origin --json', 'for programs'],
    ],
  },
  {
    path: 'config get',
    about: 'print one setting',
    args: [{ name: '<NAME>', about: 'a setting, such as server.port' }],
    examples: [
      ['engram config get server.port', 'the value in force'],
      ['engram config get server.port --json', 'with its origin'],
    ],
  },
  {
    path: 'config set',
    about: 'write a setting to config.toml',
    args: [
      { name: '<NAME>', about: 'a setting, such as server.port' },
      { name: '<VALUE>', about: 'its value; - reads it from standard input' },
    ],
    examples: [
      ['engram config set server.port 4000', 'another port'],
      [
        'engram config set providers.openai.api_key - < key.txt',
        'a secret, past the shell’s history',
      ],
    ],
  },
  {
    path: 'config unset',
    about: 'remove a setting from config.toml',
    args: [{ name: '<NAME>', about: 'a setting, such as server.port' }],
    examples: [
      ['engram config unset server.port', 'back to the default'],
      ['engram config unset providers.openai.api_key', 'forget a key'],
    ],
  },
  {
    path: 'config path',
    about: 'print where config.toml is',
    examples: [
      ['engram config path', 'it need not exist'],
      ['$EDITOR "$(engram config path)"', 'edit it by hand'],
    ],
  },
  {
    path: 'doctor',
    about: 'check the installation and say how to mend it',
    options: [
      {
        flags: '--salvage <FILE>',
        about: 'write what a damaged database still holds, for engram import',
      },
    ],
    examples: [
      ['engram doctor', 'exit code 1 when something is wrong'],
      ['engram doctor --salvage rescued.jsonl', 'then: engram import rescued.jsonl'],
    ],
  },
  {
    path: 'help',
    about: 'help for a command, a topic or an error code',
    args: [{ name: '[SUBJECT...]', about: 'a command, a topic, or a code such as E_DAEMON_DOWN' }],
    examples: [
      ['engram help memories add', 'a command'],
      ['engram help environment', 'a topic: environment, exit-codes, json, privacy, proxy'],
      ['engram help --json', 'every command, for programs'],
    ],
  },
  {
    path: 'version',
    about: 'print the version',
    examples: [
      ['engram version', 'for people'],
      ['engram version --json', 'version, commit, target and build'],
    ],
  },
]
