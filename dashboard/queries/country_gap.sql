-- The lead of one country over another. Its range is exact: the case that is
-- best for the one (all doubtful downloads that it can have are its own) is
-- also the worst for the other.
with pairs as (

    select
        one.snapshot_date,
        one.attribution,
        one.share_of_all - other.share_of_all as gap,
        one.share_of_all_low - other.share_of_all_high as gap_low,
        one.share_of_all_high - other.share_of_all_low as gap_high,
        one.is_provisional
    from fct_country_share_daily as one
    inner join fct_country_share_daily as other
        using (snapshot_date, window_name, attribution, cohort, scope)
    where
        one.country_key = $one
        and other.country_key = $other
        and snapshot_date > $first_day
        and window_name = $window_name
        and cohort = $cohort
        and scope = $scope
        and one.share_of_all is not null
        and other.share_of_all is not null

)

select
    today.snapshot_date,
    today.attribution,
    today.gap,
    today.gap_low,
    today.gap_high,
    today.gap - week_before.gap as gap_change_7d,
    today.is_provisional
from pairs as today
left join pairs as week_before
    on today.attribution = week_before.attribution
    and today.snapshot_date = week_before.snapshot_date + 7
where
    today.snapshot_date > $day - 120
    or isodow(today.snapshot_date) = 1
order by today.attribution, today.snapshot_date
