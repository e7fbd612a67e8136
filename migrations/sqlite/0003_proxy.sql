-- Keys for the proxy alone: they may stand in a base URL, and open nothing else. SQLite changes a check only
-- with the table.
create table api_keys_with_proxy (
  id text primary key,
  user_id text not null references users (id) on delete cascade,
  name text not null,
  hash blob not null unique,
  hint text not null,
  scope text not null check (scope in ('read', 'write', 'proxy')),
  created_at integer not null,
  last_used_at integer,
  expires_at integer,
  unique (user_id, name)
) strict;

insert into api_keys_with_proxy
  select id, user_id, name, hash, hint, scope, created_at, last_used_at, expires_at from api_keys;
drop table api_keys;
alter table api_keys_with_proxy rename to api_keys;

-- What was put into a turn of a proxied conversation. Later requests carry that turn without it: the same
-- text goes back to the same place, so that the provider's prompt cache still finds what it has read.
create table anchors (
  seq integer primary key autoincrement,
  namespace_id integer not null references namespaces (id) on delete cascade,
  provider text not null,
  -- Of the conversation up to and including the turn.
  prefix_hash blob not null,
  block text not null,
  form text not null check (form in ('inside', 'beside')),
  created_at integer not null,
  used_at integer not null,
  unique (namespace_id, provider, prefix_hash)
) strict;

create index anchors_used on anchors (used_at);

-- The memories and turns whose words an anchor holds: it goes when one of them is deleted.
create table anchor_items (
  item_id text not null,
  anchor integer not null references anchors (seq) on delete cascade,
  primary key (item_id, anchor)
) strict, without rowid;

create index anchor_items_anchor on anchor_items (anchor);
