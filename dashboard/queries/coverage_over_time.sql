select
    snapshot_date,
    attribution,
    downloads_attributed_share,
    downloads_with_known_lineage_share,
    organizations_mapped_count
from fct_mapping_coverage_daily
where
    snapshot_date > $first_day
    and (snapshot_date > $day - 120 or isodow(snapshot_date) = 1)
    and window_name = $window_name
    and cohort = $cohort
    and scope = $scope
order by snapshot_date, attribution
