select
    attribution,
    downloads_attributed_share,
    downloads_with_known_lineage_share,
    organizations_mapped_count,
    unattributed_top_organization
from fct_mapping_coverage_daily
where
    snapshot_date = $day
    and window_name = $window_name
    and cohort = $cohort
    and scope = $scope
