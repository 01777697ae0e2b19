-- Launches a week by country, the mean of four weeks, over the newest year.
select
    week_start_date,
    country_key,
    launches_count,
    organizations_count,
    avg(launches_count) over (
        partition by country_key
        order by week_start_date
        range between interval 27 days preceding and current row
    ) as launches_mean
from fct_country_cadence_weekly
where
    release_type = 'all'
    and country_key in $countries
    and week_start_date > $day - 394
    and week_start_date <= $day
qualify week_start_date > $day - 366
order by country_key, week_start_date
