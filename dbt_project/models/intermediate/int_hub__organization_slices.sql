{#-
    The organizations that are shown by name: the 500 largest of each slice and every curated
    one; everything in a day of up to 2,000 owners. The rest is summed in `(other)`, a country.
-#}
{% set largest = 500 %}
{% set small_panel = 2000 %}
{% set slice = slice_columns() %}

with owner_downloads as {{ read_anew() }} (

    select * from {{ ref('int_hub__owner_downloads') }}

),

owners as (

    select
        *,
        count(*) over (partition by snapshot_date) <= {{ small_panel }}
            as is_small_panel
    from {{ ref('int_hub__owner_days') }}

),

slices as (

    select * from {{ ref('int_hub__slices') }}

),

sliced as (

    {{ sliced('owner_downloads', ['organization']) }}

),

-- Who can be among the largest has as much as the last of them, or, where nothing is measured,
-- a name among the first: a hundredth of the rows is sorted, and not all.
cut_offs as (

    select
        {{ slice | join(', ') }},
        {{ least_of_largest('downloads', largest) }} as least_downloads,
        {{ last_of_first('organization', largest) }} as last_organization
    from sliced
    group by all

),

places as (

    select
        {% for name in slice %}sliced.{{ name }},
        {% endfor -%}
        sliced.organization,
        row_number() over (
            partition by
                {% for name in slice %}sliced.{{ name }}{{ ', ' if not loop.last }}{% endfor %}
            order by sliced.downloads desc nulls last, sliced.organization
        ) as place
    from sliced
    inner join cut_offs
        on
            {% for name in slice -%}
            sliced.{{ name }} = cut_offs.{{ name }}
            {{ 'and ' if not loop.last }}{% endfor %}
    where
        sliced.downloads >= cut_offs.least_downloads
        or (
            sliced.downloads is null
            and sliced.organization <= cut_offs.last_organization
        )

),

placed as (

    select
        sliced.snapshot_date,
        sliced.window_name,
        sliced.attribution,
        sliced.cohort,
        sliced.scope,
        sliced.organization,
        owners.country_key,
        owners.canonical_organization,
        owners.parent,
        sliced.models_count,
        coalesce(sliced.downloads, 0) as downloads,
        coalesce(sliced.largest_downloads, 0) as largest_downloads,
        coalesce(sliced.downloads_uncorrected, 0) as downloads_uncorrected,
        owners.is_small_panel
        or owners.is_curated
        or coalesce(places.place <= {{ largest }}, false) as is_shown

    from sliced
    inner join owners
        on
            sliced.snapshot_date = owners.snapshot_date
            and sliced.organization = owners.organization
    left join places
        on
            {% for name in slice -%}
            sliced.{{ name }} = places.{{ name }}
            and {% endfor -%}
            sliced.organization = places.organization

),

shown as (

    select
        {{ slice | join(', ') }},
        case when is_shown then organization else '(other)' end as organization,
        country_key,
        case when is_shown then canonical_organization end
            as canonical_organization,
        case when is_shown then parent end as parent,
        sum(models_count)::bigint as models_count,
        sum(downloads)::decimal(38, 9) as downloads,
        max(largest_downloads)::decimal(38, 9) as largest_downloads,
        sum(downloads_uncorrected)::decimal(38, 9) as downloads_uncorrected
    from placed
    group by all

),

final as (

    select
        slices.snapshot_date,
        slices.window_name,
        slices.attribution,
        slices.cohort,
        slices.scope,
        shown.organization,
        shown.country_key,
        coalesce(shown.canonical_organization, shown.organization)
            as canonical_organization,
        shown.parent,
        case when slices.is_content_known then shown.models_count
        end as models_count,
        case when slices.null_reason is null
            then shown.downloads end as downloads,
        case when slices.null_reason is null
            then shown.largest_downloads end as largest_downloads,
        case when slices.is_uncorrected_known
            then shown.downloads_uncorrected end as downloads_uncorrected,
        slices.null_reason

    from slices
    inner join shown on {{ lists_the_slice('shown') }}

)

select * from final
