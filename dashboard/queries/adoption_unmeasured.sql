-- Why relative adoption is null, the most frequent reason first.
select null_reason, count(*) as rows_count
from fct_relative_adoption
where null_reason is not null
group by null_reason
order by rows_count desc, null_reason
