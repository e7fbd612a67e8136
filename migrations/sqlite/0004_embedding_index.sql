-- How the model is opened again: the choice as people write it (minilm, openai:text-embedding-3-small, a folder).
alter table embedding_models add column choice text not null default '';
-- {"scale", "offset"} as JSON: what puts its cosines on the common scale; null for cosines as they are.
alter table embedding_models add column calibration text;
-- int8 vector of one text that is always the same: tells whether a name still means the same model.
alter table embedding_models add column sample blob;
-- From then on its vectors are being removed, and since then they are gone.
alter table embedding_models add column retired_at integer;
alter table embedding_models add column emptied_at integer;

-- One row: which model's vectors answer, and which is to take over.
create table embedding_index (
  id integer primary key check (id = 1),
  in_force integer references embedding_models (id),
  -- The choice that is to take over, and its model once it has been opened.
  next_choice text,
  next_model integer references embedding_models (id),
  state text not null check (state in ('ready', 'building', 'failed')),
  -- Why it failed, or what holds it up.
  problem text,
  started_at integer,
  -- Who chose last, and what the setting embedding.model said then.
  chosen_by text not null check (chosen_by in ('default', 'setting', 'command')),
  setting text
) strict;

insert into embedding_index (id, state, chosen_by) values (1, 'ready', 'default');

create index embedding_models_retired on embedding_models (id)
  where retired_at is not null and emptied_at is null;

-- While a scope's index is being loaded, its pinned memories are asked for here.
create index memories_pinned on memories (namespace_id) where pinned = 1;
