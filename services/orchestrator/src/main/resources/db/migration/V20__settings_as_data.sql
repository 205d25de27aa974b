-- A run's settings are data (JSON) from here on. What runs of earlier versions have there is text that cannot be read back for
-- certain: it stays, and resuming them is refused.
alter table run rename column run_file to settings;
alter table run alter column settings set data type ${text};

-- Ids of rollouts and groups hold those of the run, the evaluation set and the problem.
alter table rollout alter column id set data type varchar(1000);
alter table rollout alter column group_id set data type varchar(1000);
alter table searched_prefix alter column problem_id set data type varchar(500);
