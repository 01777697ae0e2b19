{#-
    Who may own one of the largest lines, so that the names of all models need not be read.
    By downloads a line has no more than its owner in all, and no less than its largest model. Of
    the 50 owners with the largest models each has a line of so much: who has less than the 50th in
    all has none of the 50 largest. What is made of a line is made of its roots, which are few: their
    names are read. By what a publisher made of others it is the 100 who made most.
-#}
{% set publishers = 100 %}
{% set slice = slice_columns() %}

with model_downloads as {{ read_anew() }} (

    select * from {{ ref('int_hub__model_downloads') }}

),

lineage as {{ read_anew() }} (

    select * from {{ ref('int_hub__lineage') }}

),

owners as (

    select snapshot_date, organization, canonical_organization
    from {{ ref('int_hub__owner_days') }}

),

known_roots as (

    select
        snapshot_date,
        root_model_id,
        root_organization,
        canonical_organization,
        line_name
    from {{ ref('int_hub__family_roots') }}
    where canonical_organization is not null

),

owner_totals as (

    select
        {{ slice | join(', ') }},
        canonical_organization as organization,
        sum(downloads)::double as downloads,
        max(largest_downloads)::double as largest_downloads
    from {{ ref('int_hub__organization_slices') }}
    where organization <> '(other)' and downloads > 0
    group by all

),

-- The largest models that were made of no other, of those who are among the largest.
originals as (

    select
        models.snapshot_date,
        owners.canonical_organization as organization,
        models.is_new_365d,
        models.is_language_model
        {%- for window in download_windows() %},
        max(models.downloads_{{ window }}) as largest_{{ window }}
        {%- endfor %}
    from model_downloads as models
    inner join owners
        on
            models.snapshot_date = owners.snapshot_date
            and models.organization = owners.organization
    semi join owner_totals
        on
            owners.snapshot_date = owner_totals.snapshot_date
            and owners.canonical_organization = owner_totals.organization
    where
        models.root_model_id is null
        and not models.is_divided
        and not models.is_root_unknown
    group by all

),

largest_originals as (

    {% for cut in cuts() %}
    select
        snapshot_date,
        '{{ cut.window }}' as window_name,
        '{{ cut.cohort }}' as cohort,
        '{{ cut.scope }}' as scope,
        organization,
        max(largest_{{ cut.window }}) as largest_downloads
    from originals
    where {{ cut.is_in }}
    group by all
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

heirs as (

    select
        snapshot_date,
        organization,
        root_model_id,
        root_organization,
        is_present,
        created_at,
        is_new_365d,
        is_language_model,
        1 as credit
    from model_downloads
    where root_model_id <> model_id

    union all

    select
        models.snapshot_date,
        models.organization,
        lineage.root_model_id,
        lineage.root_organization,
        models.is_present,
        models.created_at,
        models.is_new_365d,
        models.is_language_model,
        lineage.credit
    from model_downloads as models
    inner join lineage
        on
            models.snapshot_date = lineage.snapshot_date
            and models.model_key = lineage.model_key
    where
        models.is_divided
        and lineage.credit < 0.999999999
        and lineage.root_model_id <> models.model_id

),

derivatives as (

    select
        heirs.snapshot_date,
        heirs.organization,
        heirs.is_present,
        heirs.created_at,
        heirs.is_new_365d,
        heirs.is_language_model,
        heirs.credit,
        known_roots.canonical_organization as root_owner,
        known_roots.line_name
    from heirs
    inner join known_roots
        on
            heirs.snapshot_date = known_roots.snapshot_date
            and heirs.root_model_id = known_roots.root_model_id
            and heirs.root_organization = known_roots.root_organization

),

line_derivatives as (

    select
        snapshot_date,
        root_owner as organization,
        line_name,
        date_trunc('month', created_at)::date as created_month,
        is_new_365d,
        is_language_model
        {{- new_derivatives_of('credit') }}
    from derivatives
    group by all

),

namespace_derivatives as (

    select
        snapshot_date,
        organization,
        is_new_365d,
        is_language_model
        {{- new_derivatives_of('credit') }}
    from derivatives
    group by all

),

-- Owners are joined to sums: beside roots DuckDB may join them by the day alone, each with each.
publisher_derivatives as (

    select
        namespaces.snapshot_date,
        owners.canonical_organization as organization,
        namespaces.is_new_365d,
        namespaces.is_language_model
        {%- for window in download_windows() %},
        sum(namespaces.new_derivatives_{{ window }})
            as new_derivatives_{{ window }}
        {%- endfor %}
    from namespace_derivatives as namespaces
    inner join owners
        on
            namespaces.snapshot_date = owners.snapshot_date
            and namespaces.organization = owners.organization
    group by all

),

by_line as (

    {% for cut in cuts() %}
    select
        snapshot_date,
        'derivatives {{ cut.key }}' as list,
        {{ named_lines() }} as places,
        organization,
        line_name,
        sum(new_derivatives_{{ cut.window }})::double as new_derivatives
    from line_derivatives
    where new_derivatives_{{ cut.window }} > 0 and {{ cut.is_in }}
    group by all

    union all
    {% endfor %}
    {% for scope, in_scope in scopes().items() %}
    select
        snapshot_date,
        'derivatives ' || created_month || ' {{ scope }}' as list,
        {{ named_lines_of_month() }} as places,
        organization,
        line_name,
        sum(new_derivatives_all_time)::double as new_derivatives
    from line_derivatives
    where
        created_month is not null
        and new_derivatives_all_time > 0
        and {{ in_scope }}
    group by all
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- The most that one line of an owner may have, and what one has at least.
listed as (

    select
        totals.snapshot_date,
        concat_ws(
            ' ', 'downloads', totals.attribution, totals.window_name,
            totals.cohort, totals.scope
        ) as list,
        {{ named_lines() }} as places,
        totals.organization,
        totals.downloads as most,
        case
            when totals.attribution = 'publisher' then totals.largest_downloads
            else originals.largest_downloads
        end as least
    from owner_totals as totals
    left join largest_originals as originals
        using (snapshot_date, window_name, cohort, scope, organization)

    union all

    select
        snapshot_date,
        list,
        places,
        organization,
        max(new_derivatives) as most,
        max(new_derivatives) as least
    from by_line
    group by all

    {% for cut in cuts() %}
    union all

    select
        snapshot_date,
        'published {{ cut.key }}' as list,
        {{ publishers }} as places,
        organization,
        sum(new_derivatives_{{ cut.window }})::double as most,
        sum(new_derivatives_{{ cut.window }})::double as least
    from publisher_derivatives
    where new_derivatives_{{ cut.window }} > 0 and {{ cut.is_in }}
    group by all
    {% endfor %}

),

-- The least of the largest, of those of whom one model or root is known.
cut_offs as (

    select
        snapshot_date,
        list,
        count(*) as owners_count,
        {{ least_of_largest('least', publishers) }} as least
    from listed
    where least > 0
    group by all

),

-- Of a million rows some thousands are rounded and ordered.
contenders as (

    select
        listed.snapshot_date,
        listed.list,
        listed.places,
        listed.organization,
        -- Thirds of credits do not break a tie.
        round(listed.most, 6) as most,
        round(listed.least, 6) as least
    from listed
    left join cut_offs
        on
            listed.snapshot_date = cut_offs.snapshot_date
            and listed.list = cut_offs.list
    where
        listed.most >= cut_offs.least - 0.000001
        or coalesce(cut_offs.owners_count, 0) < listed.places

),

bounds as (

    select
        snapshot_date,
        list,
        organization,
        least
    from contenders
    where least > 0
    qualify row_number() over (
        partition by snapshot_date, list
        order by least desc, organization
    ) = places

),

final as (

    select distinct contenders.snapshot_date, contenders.organization
    from contenders
    left join bounds
        on
            contenders.snapshot_date = bounds.snapshot_date
            and contenders.list = bounds.list
    where
        bounds.organization is null
        or contenders.most > bounds.least
        or (
            contenders.most = bounds.least
            and contenders.organization <= bounds.organization
        )

)

select * from final
