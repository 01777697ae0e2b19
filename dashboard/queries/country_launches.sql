-- Launches a week by country, the mean of four weeks, over the newest year;
-- a week without a launch counts as 0, the week under way not yet.
with weeks as (

    select distinct week_start_date
    from dim_dates
    where week_start_date > $day - 394 and week_start_date <= $day - 6

),

counted as (

    select
        weeks.week_start_date,
        countries.country_key,
        coalesce(cadence.launches_count, 0) as launches_count,
        coalesce(cadence.organizations_count, 0) as organizations_count
    from weeks
    cross join (
        select country_key from dim_countries where country_key in $countries
    ) as countries
    left join fct_country_cadence_weekly as cadence
        on
            cadence.week_start_date = weeks.week_start_date
            and cadence.country_key = countries.country_key
            and cadence.release_type = 'all'

)

select
    week_start_date,
    country_key,
    launches_count,
    organizations_count,
    avg(launches_count) over (
        partition by country_key
        order by week_start_date
        rows between 3 preceding and current row
    ) as launches_mean
from counted
qualify week_start_date > $day - 366
order by country_key, week_start_date
