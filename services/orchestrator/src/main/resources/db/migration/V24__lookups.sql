-- What people look for: the last event of a kind, and rollouts by where they are.
create index event_by_kind on event (run_id, kind, number);
