-- A run's settings are data (JSON) from here on. What runs of earlier versions have there is text that cannot be read back for
-- certain: it stays, and resuming them is refused.
alter table run alter column run_file rename to settings;
alter table run alter column settings character large object not null;

-- Ids of rollouts and groups hold those of the run, the evaluation set and the problem.
alter table rollout alter column id varchar(1000) not null;
alter table rollout alter column group_id varchar(1000) not null;
alter table searched_prefix alter column problem_id varchar(500) not null;
