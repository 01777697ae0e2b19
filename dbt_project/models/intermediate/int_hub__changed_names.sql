with sights as (

    select
        snapshot_date,
        model_key,
        model_id,
        organization
    from {{ ref('int_hub__model_days') }}

    union all

    -- Who is away when this build begins has that name until it returns.
    select
        last_sights.snapshot_date,
        last_sights.model_key,
        last_sights.model_id,
        last_sights.organization
    from {{ ref('int_hub__last_sights') }} as last_sights
    inner join {{ source('raw', 'build_window') }} as build_window
        on last_sights.snapshot_date < build_window.from_date

),

-- Nobody has two names on one day: a build of one day need not look.
sights_to_compare as (

    select *
    from sights
    where (
        select count(distinct snapshot_date)
        from {{ source('raw', 'hub_models') }}
    ) > 1

),

renamed as (

    select model_key
    from sights_to_compare
    group by model_key
    having min(model_id) <> max(model_id)

),

named as (

    select
        model_key,
        model_id,
        organization,
        case
            when model_id like '%/%' then split_part(model_id, '/', 2)
            else model_id
        end as model_name,
        snapshot_date as named_on
    from sights_to_compare
    semi join renamed on sights_to_compare.model_key = renamed.model_key
    qualify model_id is distinct from lag(model_id) over (
        partition by model_key order by snapshot_date
    )

),

with_words as (

    select
        *,
        {{ name_words('model_name') }} as words

    from named

),

with_version_words as (

    select
        *,
        {{ words_of_version('words') }} as version_words

    from with_words

),

with_stems as (

    select
        *,
        {{ release_stem('version_words', 'words') }} as stem

    from with_version_words

),

final as (

    select
        model_key,
        organization,
        {{ key_of(['organization', 'stem']) }} as release_group_key,
        named_on,
        row_number() over (
            partition by model_key order by named_on
        ) = 1 as is_first,
        coalesce(lead(named_on) over (
            partition by model_key order by named_on
        ), date '2999-12-31') as known_to

    from with_stems

)

select * from final
