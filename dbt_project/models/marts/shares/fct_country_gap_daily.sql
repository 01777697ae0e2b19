{{ accumulates_by_day() }}
{{ config(post_hook=settle_provisional_days()) }}

{#- Pairs of so many of the largest countries. -#}
{% set largest = 20 %}

with shares as (

    select *
    from {{ ref('fct_country_share_daily') }}
    where
        snapshot_date in (
            select distinct snapshot_date from {{ ref('int_hub__slices') }}
        )
        and rank <= {{ largest }}
        and downloads > 0

),

-- Over all assignments of doubtful homes at once: the one that is worst for the first country
-- takes every doubtful home from it and gives the second whatever it may have, which are their
-- own low and high. Both hold in one assignment, so nothing is counted twice.
final as (

    select
        one.snapshot_date,
        one.window_name,
        one.attribution,
        one.cohort,
        one.scope,
        one.country_key,
        other.country_key as other_country_key,
        {{ published_share('one.share_of_all - other.share_of_all') }} as gap,
        {{ published_share('one.share_of_all_low - other.share_of_all_high') }}
            as gap_low,
        {{ published_share('one.share_of_all_high - other.share_of_all_low') }}
            as gap_high,
        {{ published_share('one.share_change_7d - other.share_change_7d') }}
            as gap_change_7d,
        one.is_provisional

    from shares as one
    inner join shares as other
        using (snapshot_date, window_name, attribution, cohort, scope)
    where one.country_key < other.country_key

)

select * from final
