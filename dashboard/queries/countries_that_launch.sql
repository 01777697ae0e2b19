select country_key
from fct_country_cadence_weekly
inner join dim_countries using (country_key)
where
    release_type = 'all'
    and country_code is not null
    and week_start_date > $day - 366
group by country_key
order by sum(launches_count) desc, country_key
limit 6
