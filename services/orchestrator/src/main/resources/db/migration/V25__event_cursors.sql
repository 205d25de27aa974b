-- How far each run's events have come in a topic of a message broker, and which process takes them there.
create table event_cursor (
  topic varchar(249) not null,
  run_id varchar(100) not null,
  number bigint not null,
  primary key (topic, run_id)
);

create table event_publisher (
  topic varchar(249) primary key,
  owner varchar(36) not null,
  until_millis bigint not null
);
