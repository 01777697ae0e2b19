-- The share of the largest countries, day by day; downloads without a
-- country are one line.
select
    snapshot_date,
    attribution,
    case when country_code is null then 'no_country' else country_key end
        as country_key,
    sum(share_of_all) as share_of_all,
    sum(share_of_all_low) as share_of_all_low,
    sum(share_of_all_high) as share_of_all_high,
    bool_or(is_provisional) as is_provisional
from fct_country_share_daily
where
    snapshot_date > $first_day
    and (snapshot_date > $day - 120 or isodow(snapshot_date) = 1)
    and window_name = $window_name
    and cohort = $cohort
    and scope = $scope
    and (country_code is null or country_key in $countries)
    and share_of_all is not null
group by all
order by snapshot_date, attribution, country_key
