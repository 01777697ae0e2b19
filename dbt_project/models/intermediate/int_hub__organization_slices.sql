{#-
    The organizations that are shown by name: the 500 that have most downloads in each slice, and
    every curated one; everything in a day of up to 2,000 owners. The rest is summed in `(other)`,
    a country. Of 5 million models half a million owners are never shown: they are summed up before
    the slices are cut.
-#}
{% set largest = named_organizations() %}
{% set small_panel = 2000 %}
{% set slice = slice_columns() %}

with owner_downloads as {{ read_anew() }} (

    select * from {{ ref('int_hub__owner_downloads') }}

),

slices as (

    select * from {{ ref('int_hub__slices') }}

),

owners as (

    select
        *,
        is_curated
        or count(*) over (partition by snapshot_date) <= {{ small_panel }}
            as is_always_shown
    from {{ ref('int_hub__owner_days') }}

),

owner_totals as (

    select
        snapshot_date,
        attribution,
        organization
        {%- for cut in cuts() %},
        sum(downloads_{{ cut.window }}) filter ({{ cut.is_in }})
            as total_{{ cut.key }}
        {%- endfor %}
    from owner_downloads
    group by all

),

cut_offs as (

    select
        snapshot_date,
        attribution
        {%- for cut in cuts() %},
        {{ least_of_largest('total_' ~ cut.key, largest) }} as total_{{ cut.key }}
        {%- endfor %}
    from owner_totals
    group by all

),

-- Whoever may be among the largest when thirds of credits do not break a tie.
contenders as (

    select owner_totals.*
    from owner_totals
    inner join cut_offs
        on
            owner_totals.snapshot_date = cut_offs.snapshot_date
            and owner_totals.attribution = cut_offs.attribution
    where
        {% for cut in cuts() -%}
        (
            owner_totals.total_{{ cut.key }} > 0
            and owner_totals.total_{{ cut.key }}
            >= cut_offs.total_{{ cut.key }} - 0.000001
        )
        {{ 'or ' if not loop.last }}
        {%- endfor %}

),

named as (

    {% for cut in cuts() %}
    select
        snapshot_date,
        '{{ cut.window }}' as window_name,
        attribution,
        '{{ cut.cohort }}' as cohort,
        '{{ cut.scope }}' as scope,
        organization
    from contenders
    where total_{{ cut.key }} > 0
    qualify row_number() over (
        partition by snapshot_date, attribution
        order by round(total_{{ cut.key }}, 6) desc, organization
    ) <= {{ largest }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

once_named as (

    select distinct snapshot_date, organization
    from named

),

placed as (

    select
        owner_downloads.*,
        owners.country_key,
        owners.canonical_organization,
        owners.parent,
        owners.is_always_shown,
        owners.is_always_shown or once_named.organization is not null as is_kept
    from owner_downloads
    inner join owners
        on
            owner_downloads.snapshot_date = owners.snapshot_date
            and owner_downloads.organization = owners.organization
    left join once_named
        on
            owner_downloads.snapshot_date = once_named.snapshot_date
            and owner_downloads.organization = once_named.organization

),

condensed as (

    select
        snapshot_date,
        attribution,
        case when is_kept then organization else '(other)' end as organization,
        country_key,
        case when is_kept then canonical_organization end
            as canonical_organization,
        case when is_kept then parent end as parent,
        is_always_shown,
        is_new_365d,
        is_language_model,
        {{ summed_measures() }}
    from placed
    group by all

),

sliced as (

    {{ sliced('condensed', [
        'organization', 'country_key', 'canonical_organization', 'parent', 'is_always_shown'
    ]) }}

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
    from (
        select
            sliced.*,
            sliced.is_always_shown or named.organization is not null as is_shown
        from sliced
        left join named
            on
                {% for name in slice -%}
                sliced.{{ name }} = named.{{ name }}
                and {% endfor -%}
                sliced.organization = named.organization
    )
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
        coalesce(slices.null_reason, {{ reason_of_unknown('shown') }})
            as null_reason

    from slices
    inner join shown on {{ lists_the_slice('shown') }}

)

select * from final
