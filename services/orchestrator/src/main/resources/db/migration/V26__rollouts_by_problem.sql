-- What people look for rollouts by. Those of earlier versions have no problem and no start, and no update: their completions tell.
alter table rollout add column problem_id varchar(500) default '' not null;
alter table rollout add column start_kind varchar(16) default '' not null;
alter table rollout add column update_number bigint default 0 not null;
create index rollout_by_update on rollout (run_id, update_number, id);
create index rollout_by_problem on rollout (run_id, problem_id);
