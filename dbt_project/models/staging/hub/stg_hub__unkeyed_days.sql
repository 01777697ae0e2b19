{{ accumulates_events_by_day() }}
{% call names_days() %}
{% raw %}
select snapshot_date
from {{ source('raw', 'snapshots') }}
where {{ is_in_build_window() }}
{% endraw %}
{% endcall %}

-- Kept, so that the keys of all days before need not be read to find the few that lack them.
with days as (

    select snapshot_date
    from {{ source('raw', 'snapshots') }}
    where {{ is_in_build_window() }}

),

final as (

    select distinct snapshot_date
    from {{ source('raw', 'hub_counters') }}
    where "_id" is null and {{ is_of_days('days') }}

)

select * from final
