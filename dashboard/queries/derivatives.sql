-- New derivatives a month by the organization at the root of their lineage:
-- the eight most built upon, the rest together. A month with fewer than 20 says
-- nothing of shares.
with derivatives as (

    select
        date_trunc('month', created_at)::date as month_start_date,
        root_organization
    from dim_models
    where
        release_type in ('finetune', 'adapter', 'merge')
        and created_at > $day - 913
        and created_at < $day + 1
        and root_organization is not null
        and root_organization <> organization

),

largest as (

    select root_organization
    from derivatives
    group by root_organization
    order by count(*) desc, root_organization
    limit 8

),

counted as (

    select
        month_start_date,
        case
            when root_organization in (select root_organization from largest)
                then root_organization
            else '(other)'
        end as root_organization,
        count(*) as derivatives_count
    from derivatives
    group by all

)

select
    month_start_date,
    root_organization,
    derivatives_count,
    derivatives_count / sum(derivatives_count) over (
        partition by month_start_date
    ) as share_of_derivatives
from counted
qualify sum(derivatives_count) over (partition by month_start_date) >= 20
order by month_start_date, derivatives_count desc, root_organization
