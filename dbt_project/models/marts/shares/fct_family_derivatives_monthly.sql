{{ tells_of_the_newest_day() }}
{#-
    As the newest snapshot tells it: by the creation of the models that it still has. The families
    of the largest lines of a month are named, the others are `(other)`.
-#}

with newest as (

    select snapshot_date, has_tags
    from {{ ref('int_hub__snapshot_days') }}
    qualify snapshot_date = max(snapshot_date) over ()

),

family_months as (

    select families.*
    from {{ ref('int_hub__family_months') }} as families
    inner join newest on families.snapshot_date = newest.snapshot_date
    where
        newest.has_tags
        and families.attribution = 'base_model'

),

derivatives as (

    {% for scope, in_scope in scopes().items() %}
    select
        created_month as month_start_date,
        '{{ scope }}' as scope,
        organization,
        family_name,
        line_name,
        is_unknown,
        max(snapshot_date) as snapshot_date,
        sum(new_derivatives) as new_derivatives
    from family_months
    where {{ in_scope }}
    group by all
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

largest_lines as (

    select
        month_start_date,
        scope,
        organization,
        line_name
    from derivatives
    where line_name is not null and not is_unknown
    group by month_start_date, scope, organization, line_name
    having sum(new_derivatives) > 0
    qualify row_number() over (
        partition by month_start_date, scope
        -- Thirds of credits do not break a tie.
        order by round(sum(new_derivatives), 6) desc, organization, line_name
    ) <= {{ named_lines_of_month() }}

),

labelled as (

    select
        derivatives.*,
        case
            when derivatives.is_unknown then {{ families_of_unknown_root() }}
            when lines.line_name is null then {{ other_families() }}
            else derivatives.organization || '/' || derivatives.family_name
        end as family,
        case
            when derivatives.is_unknown then {{ families_of_unknown_root() }}
            when lines.line_name is null then {{ other_families() }}
            else derivatives.organization || '/' || derivatives.line_name
        end as family_line
    from derivatives
    left join largest_lines as lines
        using (month_start_date, scope, organization, line_name)

),

summed as (

    select
        month_start_date,
        scope,
        family,
        family_line,
        family <> {{ families_of_unknown_root() }} as is_known,
        max(snapshot_date) as snapshot_date,
        sum(new_derivatives) as new_derivatives
    from labelled
    group by all

),

final as (

    select
        month_start_date,
        scope,
        family,
        family_line,
        snapshot_date,
        new_derivatives::double as new_derivatives,
        case when is_known then {{ ratio(
            'new_derivatives',
            'sum(new_derivatives) filter (is_known) '
            ~ 'over (partition by month_start_date, scope)'
        ) }} end as share_of_new_derivatives
    from summed

)

select * from final
