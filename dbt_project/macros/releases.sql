{#-
    What a model is, read from its name, tags and library: release type, family, release group.
    The vocabulary is in release_words.sql, the rules with their reasons in
    docs/release_classification.md.
-#}

{#-
    The name as words, each between hyphens of its own: `Qwen3-VL_8B` gives
    '-qwen3--vl--8b-'. A point stays within a number; `4_5` and `v1-5` alone are one number.
-#}
{% macro name_words(model_name) -%}
    {%- set lowered = 'lower(' ~ model_name ~ ')' -%}
    {%- set numbers = replaced(
        lowered, '(^|[^0-9])([0-9])_([0-9])([^0-9a-z]|$)', '#1#2.#3#4') -%}
    {%- set pointless = replaced(numbers, '[.]([^0-9]|$)|([^0-9])[.]', '#1#2-') -%}
    concat('-', {{ replaced(pointless, '[^a-z0-9.]+', '--') }}, '-')
{%- endmacro %}

{#- Whether one of the patterns is among the words. -#}
{% macro says(words, patterns) -%}
    {{ matches(words, '-(?:' ~ patterns | join('|') ~ ')-') }}
{%- endmacro %}

{#- How a model came from its parent, as the Hub's tag has it; null without one. -#}
{% macro relation_to_parent(tags) -%}
    {{ captured(
        array_joined(array_with_prefix(tags, 'base_model:')),
        'base_model:(adapter|merge|quantized|finetune):'
    ) }}
{%- endmacro %}

{#- The first parent's id; null without one. -#}
{% macro first_parent(tags) -%}
    {{ captured(
        array_joined(array_with_prefix(tags, 'base_model:')),
        'base_model:(?:(?:adapter|merge|quantized|finetune):)?([^: ]+)(?: |$)'
    ) }}
{%- endmacro %}

{#- The words less what tells variants of one version apart; the words where nothing is left. -#}
{% macro release_stem(words) -%}
    {%- set variants = '-(?:' ~ words_of_variant() | join('|') ~ ')-' -%}
    coalesce(
        nullif(trim({{ replaced(replaced(words, variants, ''), '--+', '-') }}, '-'), ''),
        trim({{ replaced(words, '--+', '-') }}, '-')
    )
{%- endmacro %}

{#- A family we know by its name, in one text: brand, '|', version. Null where none is named. -#}
{% macro named_family(words) -%}
    {%- set brands = family_brands() | join('|') | replace('-', '--') -%}
    {%- set pattern =
        '-((?:' ~ brands ~ '))'
        ~ '(?:[0-9.]+[bmkt]|([0-9]+(?:[.][0-9]+)?)(?:[a-z]{2,}[0-9a-z]*|[ac-jln-su-z])?)?-'
        ~ '(?:-([a-z]?[0-9]{1,2}(?:[.][0-9]+)?)-)?' -%}
    nullif(concat(
        {{ replaced("coalesce(" ~ captured(words, pattern, 1) ~ ", '')", '--', '-') }}, '|',
        coalesce({{ captured(words, pattern, 2) }}, {{ captured(words, pattern, 3) }}, '')
    ), '|')
{%- endmacro %}
