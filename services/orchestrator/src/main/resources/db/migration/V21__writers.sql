-- How far each process's writes have come. One whose connection was lost while it committed sees here whether the commit took effect.
create table ledger_writer (
  id varchar(36) primary key,
  commits bigint not null
);
