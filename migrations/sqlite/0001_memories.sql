-- Instants are epoch milliseconds. JSON is text. Booleans are 0 and 1.
-- `rev` grows with every change of a searchable row: a reader that remembers the highest it has seen
-- asks for what came after. Row numbers are never reused (autoincrement): other tables and readers'
-- memory refer to them.
--
-- A reference to a namespace is declared where an index begins with it: SQLite looks for the children of
-- every row that goes, and a namespace goes only with its user, whose own reference takes the rest along.

create table counters (
  name text primary key,
  value integer not null
) strict, without rowid;

insert into counters (name, value) values ('rev', 0);

create table users (
  id text primary key,
  external_id text not null unique,
  settings text not null default '{}',
  created_at integer not null,
  updated_at integer not null
) strict;

create table api_keys (
  id text primary key,
  user_id text not null references users (id) on delete cascade,
  name text not null,
  -- HMAC-SHA256 of the key with the pepper, which is not in this file.
  hash blob not null unique,
  -- Its first characters, to tell keys apart by.
  hint text not null,
  scope text not null check (scope in ('read', 'write')),
  created_at integer not null,
  last_used_at integer,
  expires_at integer,
  unique (user_id, name)
) strict;

create table namespaces (
  id integer primary key autoincrement,
  user_id text not null references users (id) on delete cascade,
  name text not null,
  created_at integer not null,
  unique (user_id, name)
) strict;

create table conversations (
  id text primary key,
  user_id text not null references users (id) on delete cascade,
  namespace_id integer not null,
  -- What it came in by (proxy, mcp, import, …) and the client's own name for it.
  source text not null,
  session_id text,
  created_at integer not null,
  updated_at integer not null
) strict;

create unique index conversations_session on conversations (namespace_id, source, session_id)
  where session_id is not null;
create index conversations_recent on conversations (user_id, updated_at);
create index conversations_old on conversations (updated_at);

create table turns (
  seq integer primary key autoincrement,
  id text not null unique,
  conversation_id text not null references conversations (id) on delete cascade,
  user_id text not null,
  namespace_id integer not null references namespaces (id) on delete cascade,
  position integer not null,
  role text not null check (role in ('user', 'assistant', 'tool', 'system')),
  speaker text,
  content text not null,
  truncated integer not null default 0,
  model text,
  -- Hash of the conversation up to and including this turn: finds the conversation of a request that
  -- carries its whole history and no id.
  prefix_hash blob not null,
  said_at integer not null,
  created_at integer not null,
  -- Memories taken from it; null until extraction has read it.
  memory_count integer,
  rev integer not null,
  unique (conversation_id, position)
) strict;

create index turns_rev on turns (namespace_id, rev);
create index turns_prefix on turns (namespace_id, prefix_hash);

create table memories (
  seq integer primary key autoincrement,
  id text not null unique,
  user_id text not null references users (id) on delete cascade,
  namespace_id integer not null references namespaces (id) on delete cascade,
  content text not null,
  -- The content without case, spacing and end punctuation: exact repetitions are one memory.
  content_key text not null,
  category text not null,
  status text not null check (status in ('approved', 'pending', 'rejected', 'superseded')),
  pinned integer not null,
  confidence real not null,
  source text not null,
  origin text not null check (origin in ('user', 'assistant', 'tool', 'document')),
  speaker text,
  valid_from integer,
  valid_to integer,
  superseded_by text,
  expires_at integer,
  -- Where it was learned; both may be gone, or in another store, while the words stay.
  conversation_id text,
  turn_id text,
  quote text,
  -- Orders the memories of one conversation: the turn's position, then the order within it.
  place integer not null,
  metadata text not null,
  -- The attribute it states, as `metadata` has it; null for none.
  slot text,
  access_count integer not null,
  last_accessed_at integer,
  last_confirmed_at integer,
  created_at integer not null,
  updated_at integer not null,
  rev integer not null
) strict;

create index memories_rev on memories (namespace_id, rev);
create index memories_listed on memories (namespace_id, status, created_at, seq);
create index memories_key on memories (namespace_id, content_key);
create index memories_user on memories (user_id, created_at);
create index memories_turn on memories (turn_id) where turn_id is not null;
create index memories_slot on memories (namespace_id, slot) where slot is not null;

-- Rows that a reader has seen and that are gone since.
create table removals (
  rev integer primary key,
  namespace_id integer not null,
  kind text not null check (kind in ('memory', 'turn')),
  target integer not null
) strict;

create index removals_rev on removals (namespace_id, rev);

-- A conflict outlives its sides: a memory that is deleted may come back by undo.
create table conflicts (
  id text primary key,
  user_id text not null references users (id) on delete cascade,
  namespace_id integer not null,
  existing_id text not null,
  proposed_id text not null,
  reason text not null,
  resolution text check (resolution in ('accept_new', 'keep_old', 'keep_both')),
  created_at integer not null,
  resolved_at integer
) strict;

create index conflicts_open on conflicts (user_id, created_at) where resolved_at is null;
create index conflicts_existing on conflicts (existing_id);
create index conflicts_proposed on conflicts (proposed_id);

-- The journal. `before` and `after` are whole memories as JSON; null before it existed and after it is gone.
create table events (
  seq integer primary key autoincrement,
  id text not null unique,
  -- Events of one operation are undone together.
  operation_id text not null,
  user_id text not null references users (id) on delete cascade,
  namespace_id integer not null,
  memory_id text not null,
  kind text not null,
  actor text not null,
  -- Why: the job, conversation or reason, as JSON.
  cause text not null,
  -- The receipt of the exchange that it was learned from.
  receipt_id text,
  before text,
  after text,
  created_at integer not null,
  undone_by text
) strict;

create index events_memory on events (user_id, memory_id, seq);
create index events_user on events (user_id, seq);
create index events_operation on events (operation_id);
create index events_receipt on events (receipt_id) where receipt_id is not null;

create table receipts (
  seq integer primary key autoincrement,
  id text not null unique,
  user_id text not null references users (id) on delete cascade,
  namespace_id integer not null,
  conversation_id text references conversations (id) on delete set null,
  turn_id text,
  -- What asked: chat, search, mcp.
  kind text not null,
  query text not null,
  injected integer not null,
  tokens integer not null,
  took_ms real not null,
  -- Candidates with score parts and reasons, thresholds, model, outcome, as JSON.
  detail text not null,
  created_at integer not null
) strict;

create index receipts_user on receipts (user_id, seq);
create index receipts_conversation on receipts (conversation_id) where conversation_id is not null;

-- The outbox: work after an answer, written in the transaction of what it is about.
create table jobs (
  seq integer primary key autoincrement,
  id text not null unique,
  kind text not null,
  user_id text not null references users (id) on delete cascade,
  namespace_id integer not null,
  payload text not null,
  -- The same work is queued once.
  dedup_key text unique,
  state text not null check (state in ('queued', 'running', 'done', 'dead')),
  attempts integer not null default 0,
  -- Grows with every claim: a worker that lost its lease changes nothing.
  fence integer not null default 0,
  run_at integer not null,
  lease_until integer,
  error text,
  result text,
  created_at integer not null,
  finished_at integer
) strict;

create index jobs_due on jobs (kind, run_at, seq) where state in ('queued', 'running');
create index jobs_waiting on jobs (kind, namespace_id, seq) where state in ('queued', 'running');
create index jobs_running on jobs (kind, lease_until) where state = 'running';
create index jobs_finished on jobs (finished_at) where state in ('done', 'dead');

create table embedding_models (
  id integer primary key,
  fingerprint text not null unique,
  name text not null,
  dimensions integer not null,
  created_at integer not null
) strict;

create table vectors (
  model_id integer not null references embedding_models (id) on delete cascade,
  kind text not null check (kind in ('memory', 'turn')),
  target integer not null,
  namespace_id integer not null references namespaces (id) on delete cascade,
  -- int8[dimensions]; the scale is not kept, since only directions are compared. Empty when the text has
  -- nothing to embed.
  components blob not null,
  rev integer not null,
  primary key (kind, target, model_id)
) strict, without rowid;

create index vectors_rev on vectors (namespace_id, model_id, rev);

-- Our own terms (memory/words.ts), already stemmed, so the tokenizer only splits at spaces. Each term is
-- preceded by its namespace's number: other scopes' terms are other terms, in lists of their own.
create virtual table memory_terms using fts5 (
  terms, content = '', contentless_delete = 1,
  tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* Co' tokenchars '_'"
);
create virtual table turn_terms using fts5 (
  terms, content = '', contentless_delete = 1,
  tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* Co' tokenchars '_'"
);
