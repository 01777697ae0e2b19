{#-
    Downloads and new derivatives by family, for the organizations that are among the `largest` of
    some slice, in all their namespaces: the largest lines of a slice can only be theirs. What is
    others' is one row without a name, what nobody knows the root of is another.
-#}
{% set largest = 100 %}
{% set slice = slice_columns() %}
{% set named = ['organization', 'family_name', 'line_name', 'is_unknown'] %}
{% set flags = ['is_new_365d', 'is_language_model'] %}
{% set measures %}
        count(*) filter (is_present) as models_count
        {%- for window in download_windows() %},
        sum(downloads_{{ window }})::decimal(38, 9) as downloads_{{ window }},
        max(downloads_{{ window }})::decimal(38, 9) as largest_{{ window }},
        0::decimal(38, 12) as new_derivatives_{{ window }}
        {%- endfor %}
        {%- for window in flow_windows() %},
        sum(uncorrected_{{ window }})::decimal(38, 9) as uncorrected_{{ window }}
        {%- endfor %}
{% endset %}
{% set measured = ['models_count'] %}
{%- for window in download_windows() %}
{%- for measure in ['downloads', 'largest', 'new_derivatives'] %}
{%- do measured.append(measure ~ '_' ~ window) %}
{%- endfor %}
{%- endfor %}
{%- for window in flow_windows() %}
{%- do measured.append('uncorrected_' ~ window) %}
{%- endfor %}
{% set derivatives %}
        0::bigint as models_count
        {%- for window, days in windows_of_creation().items() %},
        0::decimal(38, 9) as downloads_{{ window }},
        0::decimal(38, 9) as largest_{{ window }},
        coalesce(sum(credit)
        {%- if days %} filter (
            created_at > snapshot_date - interval {{ days }} day
        ){% endif %}, 0)::decimal(38, 12) as new_derivatives_{{ window }}
        {%- endfor %}
        {%- for window in flow_windows() %},
        0::decimal(38, 9) as uncorrected_{{ window }}
        {%- endfor %}
{% endset %}

with model_downloads as {{ read_anew() }} (

    select * from {{ ref('int_hub__model_downloads') }}

),

model_days as {{ read_anew() }} (

    select * from {{ ref('int_hub__model_days') }}

),

lineage as {{ read_anew() }} (

    select * from {{ ref('int_hub__lineage') }}

),

owners as (

    select snapshot_date, organization, canonical_organization
    from {{ ref('int_hub__owner_days') }}

),

true_roots as (

    select model_id
    from {{ ref('lineage_overrides') }}
    where base_model_id is null

),

largest_owners as (

    select snapshot_date, organization
    from {{ ref('int_hub__organization_slices') }}
    where organization <> '(other)' and downloads > 0
    qualify row_number() over (
        partition by {{ slice | join(', ') }}
        order by round(downloads, 6) desc, organization
    ) <= {{ largest }}

),

large_owners as (

    select
        owners.snapshot_date,
        owners.organization as namespace,
        owners.canonical_organization as organization
    from owners
    semi join (
        select owners.snapshot_date, owners.canonical_organization
        from owners
        semi join largest_owners using (snapshot_date, organization)
    ) as large_ones using (snapshot_date, canonical_organization)

),

ids as (

    select model_downloads.model_id
    from model_downloads
    semi join large_owners
        on
            model_downloads.snapshot_date = large_owners.snapshot_date
            and model_downloads.organization = large_owners.namespace

    union

    select lineage.root_model_id as model_id
    from lineage
    semi join large_owners
        on
            lineage.snapshot_date = large_owners.snapshot_date
            and lineage.root_organization = large_owners.namespace

),

families as (

    {{ families_by_name('ids') }}

),

own as (

    select
        model_downloads.*,
        large_owners.organization as large_organization,
        heirs.model_key is null as is_own_root,
        heirs.model_key is null
        and {{ is_made_of_another('model_downloads.model_id') }}
        and true_roots.model_id is null as is_unknown
    from model_downloads
    left join (
        select distinct snapshot_date, model_key from lineage
    ) as heirs
        on
            model_downloads.snapshot_date = heirs.snapshot_date
            and model_downloads.model_key = heirs.model_key
    left join large_owners
        on
            model_downloads.snapshot_date = large_owners.snapshot_date
            and model_downloads.organization = large_owners.namespace
    left join true_roots on model_downloads.model_id = true_roots.model_id

),

own_downloads as (

    select
        own.snapshot_date,
        own.large_organization as organization,
        case when own.large_organization is not null
            then families.family_name end as family_name,
        case when own.large_organization is not null
            then families.line_name end as line_name,
        own.is_unknown,
        own.is_own_root,
        {{ flags | join(', ') }},
        {{ measures }}
    from own
    left join families on own.model_id = families.model_id
    group by all

),

roots as (

    select
        passed_on.root_model_id,
        {{ is_made_of_another('passed_on.root_model_id') }}
        and true_roots.model_id is null as is_unknown
    from (select distinct root_model_id from lineage) as passed_on
    left join true_roots on passed_on.root_model_id = true_roots.model_id

),

-- One row a model and family: a merge of two of one family is one model of it.
inherited as (

    select
        lineage.snapshot_date,
        lineage.model_key,
        roots.is_unknown,
        case when not roots.is_unknown then large_owners.organization
        end as organization,
        case when not roots.is_unknown and large_owners.namespace is not null
            then families.family_name end as family_name,
        case when not roots.is_unknown and large_owners.namespace is not null
            then families.line_name end as line_name,
        sum(lineage.credit)::decimal(18, 12) as credit,
        -- Who is in a cycle, or names a parent that cannot be read, is his own root.
        coalesce(sum(lineage.credit) filter (
            lineage.root_model_id <> model_downloads.model_id
            or roots.is_unknown
        ), 0)::decimal(18, 12) as derivative_credit

    from lineage
    inner join model_downloads
        on
            lineage.snapshot_date = model_downloads.snapshot_date
            and lineage.model_key = model_downloads.model_key
    inner join roots on lineage.root_model_id = roots.root_model_id
    left join large_owners
        on
            lineage.snapshot_date = large_owners.snapshot_date
            and lineage.root_organization = large_owners.namespace
    left join families on lineage.root_model_id = families.model_id
    group by all

),

inherited_downloads as (

    select
        inherited.snapshot_date,
        {%- for name in named %}
        inherited.{{ name }},
        {%- endfor %}
        {{ flags | join(', ') }},
        model_downloads.is_present
        {%- for window in download_windows() %},
        {{ credited('model_downloads.downloads_' ~ window, 'inherited.credit') }}
            as downloads_{{ window }}
        {%- endfor %}
        {%- for window in flow_windows() %},
        {{ credited('model_downloads.uncorrected_' ~ window, 'inherited.credit') }}
            as uncorrected_{{ window }}
        {%- endfor %}
    from inherited
    inner join model_downloads
        on
            inherited.snapshot_date = model_downloads.snapshot_date
            and inherited.model_key = model_downloads.model_key

),

-- What is there and was made of another model, by its root and by who published it.
derivatives as (

    select
        inherited.snapshot_date,
        'base_model' as attribution,
        {%- for name in named %}
        inherited.{{ name }},
        {%- endfor %}
        inherited.derivative_credit as credit,
        model_days.created_at,
        {{ flags | join(', ') }}
    from inherited
    inner join model_days
        on
            inherited.snapshot_date = model_days.snapshot_date
            and inherited.model_key = model_days.model_key
    where inherited.derivative_credit > 0

    union all

    select
        model_days.snapshot_date,
        'base_model' as attribution,
        null as organization,
        null as family_name,
        null as line_name,
        true as is_unknown,
        1 as credit,
        model_days.created_at,
        {{ flags | join(', ') }}
    from model_days
    anti join lineage
        on
            model_days.snapshot_date = lineage.snapshot_date
            and model_days.model_key = lineage.model_key
    where
        {{ is_made_of_another('model_days.model_id') }}
        and model_days.model_id not in (select model_id from true_roots)

    union all

    select
        model_days.snapshot_date,
        'publisher' as attribution,
        large_owners.organization,
        case when large_owners.namespace is not null
            then families.family_name end as family_name,
        case when large_owners.namespace is not null
            then families.line_name end as line_name,
        false as is_unknown,
        inherited.derivative_credit as credit,
        model_days.created_at,
        {{ flags | join(', ') }}
    from inherited
    inner join model_days
        on
            inherited.snapshot_date = model_days.snapshot_date
            and inherited.model_key = model_days.model_key
    left join large_owners
        on
            model_days.snapshot_date = large_owners.snapshot_date
            and model_days.organization = large_owners.namespace
    left join families on model_days.model_id = families.model_id
    where inherited.derivative_credit > 0 and not inherited.is_unknown

),

final as (

    select
        snapshot_date,
        'publisher' as attribution,
        organization,
        family_name,
        line_name,
        false as is_unknown,
        null::date as created_month,
        {{ (flags + measured) | join(', ') }}
    from own_downloads

    union all

    select
        snapshot_date,
        'base_model' as attribution,
        case when not is_unknown then organization end as organization,
        case when not is_unknown then family_name end as family_name,
        case when not is_unknown then line_name end as line_name,
        is_unknown,
        null::date as created_month,
        {{ (flags + measured) | join(', ') }}
    from own_downloads
    where is_own_root

    union all

    select
        snapshot_date,
        'base_model' as attribution,
        {{ named | join(', ') }},
        null::date as created_month,
        {{ flags | join(', ') }},
        {{ measures }}
    from inherited_downloads
    group by all

    union all

    select
        snapshot_date,
        attribution,
        {{ named | join(', ') }},
        date_trunc('month', created_at)::date as created_month,
        {{ flags | join(', ') }},
        {{ derivatives }}
    from derivatives
    group by all

)

select * from final
