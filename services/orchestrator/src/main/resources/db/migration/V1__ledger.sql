create table run (
  id varchar(100) primary key,
  run_file varchar(1000000) not null,
  state varchar(16) not null,
  update_done bigint not null,
  updates bigint not null,
  reason varchar(4000) not null,
  created_at timestamp with time zone not null
);

create table rollout (
  id varchar(200) primary key,
  run_id varchar(100) not null,
  group_id varchar(200) not null,
  purpose varchar(16) not null,
  state varchar(16) not null,
  reason varchar(1000) not null,
  verdict varchar(16) not null,
  reward double precision not null,
  tokens integer not null
);
create index rollout_by_run on rollout (run_id, state);

create table admitted_batch (
  run_id varchar(100) not null,
  update_number bigint not null,
  payload ${binary} not null,
  primary key (run_id, update_number)
);

create table update_manifest (
  run_id varchar(100) not null,
  update_number bigint not null,
  policy_version bigint not null,
  digest varchar(64) not null,
  payload ${binary} not null,
  primary key (run_id, update_number)
);

create table searched_prefix (
  run_id varchar(100) not null,
  problem_id varchar(200) not null,
  prefix_thoughts integer not null,
  fallback boolean not null,
  primary key (run_id, problem_id)
);

create table preparation (
  run_id varchar(100) not null,
  name varchar(32) not null,
  json varchar(1000000) not null,
  primary key (run_id, name)
);

create table evaluation (
  run_id varchar(100) not null,
  update_number bigint not null,
  set_name varchar(100) not null,
  json varchar(100000) not null,
  primary key (run_id, update_number, set_name)
);

create table event (
  run_id varchar(100) not null,
  number bigint not null,
  kind varchar(32) not null,
  json varchar(1000000) not null,
  primary key (run_id, number)
);
