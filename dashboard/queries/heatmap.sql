-- Launches and releases a week of chosen organizations, base models,
-- derivatives and quantizations apart, over the newest 52 weeks.
select
    week_start_date,
    organization,
    case
        when release_type = 'base' then 'base models'
        when release_type in ('finetune', 'adapter', 'merge') then 'derivatives'
        when release_type in ('quantization', 'format_conversion')
            then 'quantizations'
        when release_type = 'all' then 'everything'
        else 'other'
    end as kind,
    sum(launches_count) as launches_count,
    sum(releases_count) as releases_count
from fct_release_cadence_weekly
where
    organization in $organizations
    and week_start_date > $day - 366
    and week_start_date <= $day
group by all
order by week_start_date, organization, kind
