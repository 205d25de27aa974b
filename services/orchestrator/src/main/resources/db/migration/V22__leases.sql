-- Which orchestrator has a run under way, and with which learner. The token grows with every owner, and a write of one that is not the
-- last is refused; the beat moves as long as the owner lives. What somebody else wants of the owner is the wish.
create table run_lease (
  run_id varchar(100) primary key,
  owner varchar(200) not null,
  token bigint not null,
  beat bigint not null,
  wish varchar(16) not null,
  learner varchar(300) unique
);

-- The token of a run that was resumed n times is n.
insert into run_lease (run_id, owner, token, beat, wish)
  select r.id, '', coalesce(cast(cast(p.json as varchar(20)) as bigint), 0), 0, ''
  from run r left join preparation p on p.run_id = r.id and p.name = 'incarnation';
