{#-
    What a model is, read from its name, tags and library: release type, family, release group.
    The vocabulary is in release_words.sql, the rules with their reasons in
    docs/release_classification.md.
-#}

{#-
    The name as words, each between hyphens of its own: `Qwen3-VL_8B` gives
    '-qwen3--vl--8b-'. A point stays within a number; `4_5` and `v1-5` are numbers too.
-#}
{% macro name_words(model_name) -%}
    {%- set lowered = 'lower(' ~ model_name ~ ')' -%}
    concat('-', {{ replaced(replaced(replaced(
        lowered,
        '(^|[^0-9])([0-9])_([0-9])([^0-9a-z]|$)|(v[0-9])-([0-9])([^0-9a-z.]|$)',
        '#1#2#5.#3#6#4#7'
    ), '[.]([^0-9]|$)|([^0-9])[.]', '#2-#1'), '[^a-z0-9.]+', '--') }}, '-')
{%- endmacro %}

{#- Whether one of the patterns is among the words. -#}
{% macro says(words, patterns) -%}
    {{ matches(words, '-(?:' ~ patterns | join('|') ~ ')-') }}
{%- endmacro %}

{#- The tags as one text, each between bars: seven times as fast to search as the list. -#}
{% macro tag_text(tags) -%}
    coalesce('|' || {{ array_joined(tags, '||') }} || '|', '')
{%- endmacro %}

{% macro tagged(tag_text, tags) -%}
    {{ matches(tag_text, '[|](?:' ~ tags | join('|') ~ ')[|]') }}
{%- endmacro %}

{#- How a model came from its parent, as the Hub's tag has it; '' without one. -#}
{% macro relation_to_parent(tag_text) -%}
    {{ captured(tag_text, '[|]base_model:(adapter|merge|quantized|finetune):') }}
{%- endmacro %}

{#- The first parent's id; '' without one. -#}
{% macro first_parent(tag_text) -%}
    {{ captured(
        tag_text, '[|]base_model:(?:(?:adapter|merge|quantized|finetune):)?([^:|]+)[|]'
    ) }}
{%- endmacro %}

{#- The words less what tells variants of one version apart; may be ''. -#}
{% macro words_of_version(words) -%}
    {%- set variants = '-(?:' ~ words_of_variant() | join('|') ~ ')-' -%}
    {{ without_outer_hyphens(replaced(replaced(words, variants, ''), '--+', '-')) }}
{%- endmacro %}

{#- The key of a release group: the words of the version, or all where nothing else is said. -#}
{% macro release_stem(words_of_version, words) -%}
    case
        when {{ words_of_version }} = ''
            then {{ without_outer_hyphens("replace(" ~ words ~ ", '--', '-')") }}
        else {{ words_of_version }}
    end
{%- endmacro %}

{#- A family we know by its name: its brand, and its version within or after the same word. -#}
{% macro named_family(words) -%}
    {{ captures(
        words,
        '-(' ~ family_brands() | join('|') | replace('-', '--') ~ ')'
        ~ '(?:[0-9.]+[bmkt]|([0-9]+(?:[.][0-9]+)?)(?:[a-z]{2,}[0-9a-z]*|[ac-jln-su-z])?)?-'
        ~ '(?:-([a-z]?[0-9]{1,2}(?:[.][0-9]+)?)[ac-jln-su-z]?-)?',
        ['brand', 'version_within', 'version_after']
    ) }}
{%- endmacro %}

{#- The brand of what named_family gives, in its usual spelling; '' where it names none. -#}
{% macro brand_of(named) -%}
    {%- set brand = "replace(" ~ named ~ ".brand, '--', '-')" -%}
    case {{ brand }}
        {%- for spelling, brand in brand_spellings().items() %}
        when '{{ spelling }}' then '{{ brand }}'
        {%- endfor %}
        else {{ brand }}
    end
{%- endmacro %}

{#- The version of what named_family gives; '' where it has none. -#}
{% macro version_of(named) -%}
    {%- set version = named ~ '.version_within || ' ~ named ~ '.version_after' -%}
    case
        when {{ named }}.version_within <> '' and {{ named }}.version_after <> ''
            then {{ named }}.version_within
        when {{ named }}.brand in ({{ quoted(brands_with_lettered_version()) }})
            then {{ version }}
        when {{ matches(version, '^[a-uw-z]') }} then ''
        when
            {{ named }}.brand in ({{ quoted(brands_with_pointless_version()) }})
            and {{ matches(version, '^[1-9][0-9]$') }}
            then left({{ version }}, 1) || '.' || right({{ version }}, 1)
        else replace({{ version }}, 'v', '')
    end
{%- endmacro %}

{#- The family's name from brand and version: qwen3, llama-3.1, flux.1, bert. -#}
{% macro family_name(brand, version) -%}
    {{ brand }} || case
        when {{ version }} = '' or {{ brand }} in ({{ quoted(brands_with_glued_version()) }})
            then ''
        when {{ brand }} in ({{ quoted(brands_with_pointed_version()) }}) then '.'
        else '-'
    end || {{ version }}
{%- endmacro %}

{#- A family that we do not know by name: the stem up to its version, else its first two words. -#}
{% macro unknown_family(stem) -%}
    {{ without_outer_hyphens(captured(
        stem,
        '^((?:[a-z]+-){0,3}[a-z]*[0-9]{1,2}(?:[.][0-9]+)?(?:-|$)|[^-]+(?:-[^-]+)?)'
    )) }}
{%- endmacro %}

{#-
    The family of a model: its own name's or its first parent's. The parent's where the own name
    says none, where both are one brand and the own name has no version, and where the name holds
    both (`DeepSeek-V4-Pro-Qwen3.5-9B` is a Qwen 3.5 taught by DeepSeek).
    Columns: words, stem, brand, version and parent_stem, parent_brand, parent_version.
-#}
{% macro release_family() -%}
    case
        when brand = '' and parent_brand = ''
            then {{ unknown_family("coalesce(nullif(parent_stem, ''), stem)") }}
        when
            parent_brand = ''
            or (brand = parent_brand and version <> '')
            or (
                brand not in ('', parent_brand)
                and position('-' || replace(parent_brand, '-', '--') in words) = 0
            )
            then {{ family_name('brand', 'version') }}
        else {{ family_name('parent_brand', 'parent_version') }}
    end
{%- endmacro %}

{#-
    What a release is. What the repository holds goes before what its tag says of its parent:
    of 1,534 recorded models tagged as adapters 93 have a GGUF, MLX or ONNX name.
    Columns: organization, words, stem, brand, tag_text, library_name, relation,
    parent_organization, parent_words, parent_stem.
-#}
{% macro release_type() -%}
    case
        when
            {{ says('words', words_of_adapter()) }}
            and not {{ says('words', words_of_folding()) }}
            then 'adapter'
        when {{ says('words', words_of_format()) }} then 'format_conversion'
        when
            relation = 'adapter'
            or (library_name = 'peft' and relation in ('', 'finetune'))
            or (
                relation = ''
                and {{ tagged('tag_text', ['lora', 'qlora']) }}
                and not {{ tagged('tag_text', ['merged']) }}
            )
            then 'adapter'
        when
            relation = 'quantized' or {{ says('words', words_of_precision()) }}
            then case
                -- The Hub derives "quantized" from ONNX or GGUF files that lie beside the weights.
                when
                    {{ tagged('tag_text', ['safetensors', 'pytorch']) }}
                    and {{ tagged('tag_text', ['onnx', 'openvino', 'gguf', 'tflite']) }}
                    and not {{ says('words', words_of_precision()) }}
                    and not {{ tagged('tag_text', tags_of_precision()) }}
                    then 'finetune'
                when
                    {{ tagged('tag_text', tags_of_conversion()) }}
                    or library_name in ({{ quoted(libraries_of_conversion()) }})
                    or (
                        {{ tagged('tag_text', ['onnx']) }}
                        and not {{ tagged('tag_text', ['safetensors', 'pytorch']) }}
                    )
                    then 'format_conversion'
                else 'quantization'
            end
        when relation = 'merge' then 'merge'
        when {{ says('words', words_of_checkpoint()) }} then 'checkpoint'
        when
            {{ says('words', words_of_merge()) }}
            or {{ tagged('tag_text', ['mergekit']) }}
            then 'merge'
        -- Another's model under its own name, by nobody who says that he trained it: packed anew.
        when
            relation = 'finetune' and stem = parent_stem
            and organization <> parent_organization
            and (
                not {{ says('words', words_of_tuning()) }}
                or {{ says('parent_words', words_of_tuning()) }}
            )
            and not {{ tagged('tag_text', tags_of_training()) }}
            then 'format_conversion'
        when relation = 'finetune' then 'finetune'
        when
            library_name in ({{ quoted(libraries_of_conversion()) }})
            or (
                {{ tagged('tag_text', tags_of_conversion()) }}
                and not {{ tagged('tag_text', ['safetensors', 'pytorch']) }}
            )
            then 'format_conversion'
        when
            {{ says('words', words_of_tuning()) }}
            or {{ tagged('tag_text', tags_of_training()) }}
            or not {{ is_at_home('organization', 'brand') }}
            then 'finetune'
        else 'base'
    end
{%- endmacro %}

{#- Whether the organization may publish a base of this brand: theirs, or nobody's we know. -#}
{% macro is_at_home(organization, brand) -%}
    coalesce(
        case
            {%- for home, brands in family_homes().items() %}
            when {{ brand }} in ({{ quoted(brands) }}) then {{ organization }} = '{{ home }}'
            {%- endfor %}
        end
        or {{ organization }} = '(no namespace)',
        true
    )
{%- endmacro %}
