{{ accumulates_events_by_day() }}
{% call names_days() %}
{% raw %}
select snapshot_date
from {{ source('raw', 'snapshots') }}
where {{ is_in_build_window() }}
{% endraw %}
{% endcall %}

-- Kept, so that the keys of all days before need not be read to find the few that lack them.
with build_window as (

    select * from {{ source('raw', 'build_window') }}

),

final as (

    select distinct snapshot_date
    from {{ source('raw', 'hub_counters') }}
    where
        "_id" is null
        -- Of a build without days no file is read.
        and snapshot_date >= (
            select coalesce(min(from_date), date '2999-12-31') from build_window
        )
        and snapshot_date <= (select max(to_date) from build_window)
        and {{ was_named('snapshot_date') }}

)

select * from final
