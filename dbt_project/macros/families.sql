{#-
    Families of models by their ids alone: what an id says holds on every day, so that a rebuild
    names each day's families as that day's build did. Vocabulary and rules of names are those of
    release_words.sql and releases.sql; the reasons are in docs/families.md.
-#}

{#- So many lines of a slice are named, by downloads and by new derivatives; and of a month. -#}
{% macro named_lines() -%} 50 {%- endmacro %}
{% macro named_lines_of_month() -%} 20 {%- endmacro %}

{#- Rows without a family: what is small, and what is made of nobody knows what. -#}
{% macro other_families() -%} '(other)' {%- endmacro %}
{% macro families_of_unknown_root() -%} '(unknown)' {%- endmacro %}

{#-
    Whether the id tells that the model was made of another: an adapter, a merge, a lower
    precision, a packing. Who is the home of a brand packs his own. One search without captures,
    not name_words: half of all models are asked each day, and words cost 10 microseconds each.
-#}
{% macro is_made_of_another(model_id) -%}
    {%- set patterns = words_of_adapter() + words_of_merge() + words_of_format()
        + words_of_precision() -%}
    (
        split_part({{ model_id }}, '/', 1)
        not in ({{ quoted(family_homes() | list) }})
        and {{ matches(
            'lower(' ~ model_name_of(model_id) ~ ')',
            '(?:^|[^a-z0-9])(?:' ~ patterns | join('|') | replace('--', '[^a-z0-9]+')
            ~ ')(?:[^a-z0-9]|$)'
        ) }}
    )
{%- endmacro %}

{% macro model_name_of(model_id) -%}
    case
        when {{ model_id }} like '%/%' then split_part({{ model_id }}, '/', 2)
        else {{ model_id }}
    end
{%- endmacro %}

{#-
    Family and line of each model_id of a relation: brand and version (qwen2.5), and the brand in
    all its versions (qwen). A name of no brand we know gives its beginning up to the version.
-#}
{% macro families_by_name(relation) -%}
    select
        model_id,
        case when brand = '' then unknown_name
            else {{ family_name('brand', 'version') }} end as family_name,
        case
            when brand <> '' then brand
            else coalesce(
                nullif({{ replaced('unknown_name', '-?v?[0-9.]+$', '') }}, ''),
                unknown_name
            )
        end as line_name
    from (
        select
            model_id,
            {{ brand_of('named') }} as brand,
            {{ version_of('named') }} as version,
            coalesce(
                nullif({{ unknown_family('stem') }}, ''), lower(model_id)
            ) as unknown_name
        from (
            select
                model_id,
                {{ named_family('words') }} as named,
                {{ release_stem('version_words', 'words') }} as stem
            from (
                select *, {{ words_of_version('words') }} as version_words
                from (
                    select
                        model_id,
                        {{ name_words(model_name_of('model_id')) }} as words
                    from {{ relation }}
                ) as worded
            ) as versioned
        ) as recognized
    ) as branded
{%- endmacro %}

{#-
    New derivatives by window, of the models that are there: created on the whole days (UTC) before
    that of the snapshot. Its own day is not over when a snapshot of the morning is taken; it counts
    from the next one on, whenever either is taken. `credit` is the part of a model that counts.
-#}
{% macro new_derivatives_of(credit) %}
        {%- for window, days in windows_of_creation().items() %},
        coalesce(sum({{ credit }}) filter (
            is_present
            {%- if days %}
            and created_at >= snapshot_date - interval {{ days }} day
            and created_at < snapshot_date
            {%- endif %}
        ), 0)::decimal(38, 12) as new_derivatives_{{ window }}
        {%- endfor %}
{% endmacro %}

{#-
    The parts that tell of new derivatives, by who is at their root and by who published them; of
    whom nobody knows the root, nobody is the publisher of a derivative.
-#}
{% macro derivatives_by_attribution(parts) -%}
    {% for attribution in ['base_model', 'publisher'] %}
    {%- set whose = 'root' if attribution == 'base_model' else 'own' %}
    select
        snapshot_date,
        '{{ attribution }}' as attribution,
        {{ whose }}_organization as organization,
        {{ whose }}_family_name as family_name,
        {{ whose }}_line_name as line_name,
        {{ 'is_unknown' if attribution == 'base_model' else 'false' }} as is_unknown,
        created_month,
        is_new_365d,
        is_language_model
        {%- for window in download_windows() %},
        new_derivatives_{{ window }}
        {%- endfor %}
    from {{ parts }}
    where
        new_derivatives_all_time > 0
        {% if attribution == 'base_model' -%}
        and (is_derivative or (is_own_root and is_unknown))
        {%- else -%}
        and is_derivative and not is_unknown
        {%- endif %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
{%- endmacro %}
