-- Apps are programs that a user let in by OAuth. Codes and tokens are kept as HMAC-SHA256 with the pepper,
-- like API keys.

create table apps (
  id text primary key,
  -- As it calls itself.
  name text not null,
  -- JSON list; a request must name one of them.
  redirect_uris text not null,
  created_at integer not null,
  -- null until a user has let it in.
  last_used_at integer
) strict;

create index apps_unused on apps (created_at) where last_used_at is null;

-- What the user types into the consent page to show that it is them: used once, for minutes.
create table app_approvals (
  hash blob primary key,
  user_id text not null references users (id) on delete cascade,
  scope text not null check (scope in ('read', 'write')),
  expires_at integer not null
) strict, without rowid;

create index app_approvals_user on app_approvals (user_id);

-- What a user allowed an app. Its tokens go with it.
create table app_grants (
  id text primary key,
  app_id text not null references apps (id) on delete cascade,
  user_id text not null references users (id) on delete cascade,
  scope text not null check (scope in ('read', 'write')),
  -- The address of ours that its tokens are for (RFC 8707).
  resource text not null,
  created_at integer not null,
  last_used_at integer not null
) strict;

create index app_grants_user on app_grants (user_id, last_used_at);
create index app_grants_app on app_grants (app_id);

-- Authorization codes. One that was used stays until it expires, to notice a second use.
create table app_codes (
  hash blob primary key,
  app_id text not null references apps (id) on delete cascade,
  user_id text not null references users (id) on delete cascade,
  scope text not null check (scope in ('read', 'write')),
  redirect_uri text not null,
  -- SHA-256 of the verifier, base64url (RFC 7636).
  challenge text not null,
  resource text not null,
  expires_at integer not null,
  grant_id text references app_grants (id) on delete cascade
) strict, without rowid;

create index app_codes_app on app_codes (app_id);
create index app_codes_user on app_codes (user_id);
create index app_codes_grant on app_codes (grant_id) where grant_id is not null;

create table app_tokens (
  hash blob primary key,
  grant_id text not null references app_grants (id) on delete cascade,
  kind text not null check (kind in ('access', 'refresh')),
  expires_at integer not null,
  -- When a refresh token was exchanged for its successor.
  used_at integer
) strict, without rowid;

create index app_tokens_grant on app_tokens (grant_id);
create index app_tokens_expiry on app_tokens (expires_at);
