-- Mined sets of tens of thousands of problems do not fit a varchar.
alter table preparation alter column json set data type ${text};
