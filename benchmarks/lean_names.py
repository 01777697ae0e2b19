"""What the hand-written script reads off a model's name and tags.

What belongs here: release type, release group and family as SQL expressions, written by hand
from docs/release_classification.md and docs/families.md. The vocabulary itself (brands, words,
tags) is data and is taken from where the project keeps it; no expression is.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

MACROS = Path(__file__).parent.parent / "dbt_project" / "macros"
TYPES = ("base", "finetune", "merge", "checkpoint", "adapter", "quantization", "format_conversion")

_LISTS = re.compile(r"{% macro (\w+)\(\) -%}\s*{{ return\((.*?)\) }}\s*{%- endmacro %}", re.DOTALL)


def _vocabulary(file: str) -> dict[str, str]:
    return dict(_LISTS.findall((MACROS / file).read_text(encoding="utf-8")))


_VOCABULARY = _vocabulary("release_words.sql") | _vocabulary("definitions.sql")


def vocabulary(name: str) -> list[str]:
    """The words of one list; a list may end with the names of others."""
    own, _, others = _VOCABULARY[name].rpartition("]")
    found: list[str] = list(ast.literal_eval(f"{own.strip()}]"))
    return found + [word for other in re.findall(r"\w+", others) for word in vocabulary(other)]


def _mapping(name: str) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = ast.literal_eval(_VOCABULARY[name].strip())
    return found


def quoted(values: list[str]) -> str:
    """The values as SQL texts, for `in (...)` or a list."""
    return ", ".join(f"'{value}'" for value in values)


HOMES = _mapping("family_homes")


NAME = "case when contains(model_id, '/') then split_part(model_id, '/', 2) else model_id end"


def _any_of(name: str) -> str:
    return "|".join(vocabulary(name))


def _says(words: str, name: str) -> str:
    return f"regexp_matches({words}, '-(?:{_any_of(name)})-')"


def _tagged(*tags: str) -> str:
    return f"regexp_matches(tag_text, '[|](?:{'|'.join(tags)})[|]')"


def words(name: str) -> str:
    """The words of a name, each between two hyphens; a number keeps its point."""
    pointed = (
        f"regexp_replace(lower({name}), '(^|[^0-9])([0-9])_([0-9])([^0-9a-z]|$)"
        r"|(v[0-9])-([0-9])([^0-9a-z.]|$)', '\1\2\5.\3\6\4\7', 'g')"
    )
    unpointed = rf"regexp_replace({pointed}, '[.]([^0-9]|$)|([^0-9])[.]', '\2-\1', 'g')"
    return f"'-' || regexp_replace({unpointed}, '[^a-z0-9.]+', '--', 'g') || '-'"


def stem(words: str) -> str:
    """The words without those that tell variants apart; all of them where none is left."""
    left = (
        f"trim(regexp_replace(regexp_replace({words}, "
        f"'-(?:{_any_of('words_of_variant')})-', '', 'g'), '--+', '-', 'g'), '-')"
    )
    return f"coalesce(nullif({left}, ''), trim(replace({words}, '--', '-'), '-'))"


def named(words: str) -> str:
    """Brand and version, where the words hold a brand that is known."""
    brands = _any_of("family_brands").replace("-", "--")
    return (
        f"regexp_extract({words}, '-({brands})"
        "(?:[0-9.]+[bmkt]|([0-9]+(?:[.][0-9]+)?)(?:[a-z]{2,}[0-9a-z]*|[ac-jln-su-z])?)?-"
        "(?:-([a-z]?[0-9]{1,2}(?:[.][0-9]+)?)[ac-jln-su-z]?-)?', ['brand', 'within', 'after'])"
    )


def brand(named: str) -> str:
    """The brand of `named` in its usual spelling."""
    spellings = " ".join(
        f"when '{other}' then '{usual}'" for other, usual in _mapping("brand_spellings").items()
    )
    found = f"replace({named}.brand, '--', '-')"
    return f"case {found} {spellings} else {found} end"


def version(named: str) -> str:
    """The version of `named`, or ''."""
    text = f"({named}.within || {named}.after)"
    return f"""case
        when {named}.within <> '' and {named}.after <> '' then {named}.within
        when {named}.brand in ({quoted(vocabulary("brands_with_lettered_version"))}) then {text}
        when regexp_matches({text}, '^[a-uw-z]') then ''
        when {named}.brand in ({quoted(vocabulary("brands_with_pointless_version"))})
            and regexp_matches({text}, '^[1-9][0-9]$') then {text}[1] || '.' || {text}[2]
        else replace({text}, 'v', '') end"""


def family(brand: str, version: str) -> str:
    """Brand and version as one name."""
    return f"""{brand} || case
        when {version} = '' or {brand} in ({quoted(vocabulary("brands_with_glued_version"))})
            then ''
        when {brand} in ({quoted(vocabulary("brands_with_pointed_version"))}) then '.'
        else '-' end || {version}"""


def beginning(stem: str) -> str:
    """The beginning of a name of no known brand, up to its version."""
    return (
        f"trim(regexp_extract({stem}, '^((?:[a-z]+-){{0,3}}[a-z]*[0-9]{{1,2}}(?:[.][0-9]+)?(?:-|$)"
        "|[^-]+(?:-[^-]+)?)', 1), '-')"
    )


def is_made_of_another(model_id: str, name: str) -> str:
    """Whether the name tells that the model is another's adapter, merge or packing."""
    patterns = "|".join(
        _any_of(f"words_of_{kind}") for kind in ("adapter", "merge", "format", "precision")
    ).replace("--", "[^a-z0-9]+")
    return (
        f"(split_part({model_id}, '/', 1) not in ({quoted(list(HOMES))}) "
        f"and regexp_matches(lower({name}), '(?:^|[^a-z0-9])(?:{patterns})(?:[^a-z0-9]|$)'))"
    )


def _is_at_home() -> str:
    cases = " ".join(
        f"when brand in ({quoted(list(brands))}) then organization = '{home}'"
        for home, brands in HOMES.items()
    )
    return f"coalesce(case {cases} end or organization = '(no namespace)', true)"


def release_type() -> str:
    """The place in `TYPES` of a row with words, stem, brand, tag_text, relation and parent."""
    kinds = {kind: str(place) for place, kind in enumerate(TYPES, 1)}
    conversion = vocabulary("tags_of_conversion")
    libraries = f"library in ({quoted(vocabulary('libraries_of_conversion'))})"
    precise = _tagged(*vocabulary("tags_of_precision"))
    trained = _tagged(*vocabulary("tags_of_training"))
    weights = _tagged("safetensors", "pytorch")
    return f"""case
        when {_says("words", "words_of_adapter")} and not {_says("words", "words_of_folding")}
            then {kinds["adapter"]}
        when {_says("words", "words_of_format")} then {kinds["format_conversion"]}
        when relation = 'adapter' or (library = 'peft' and relation in ('', 'finetune'))
            or (relation = '' and {_tagged("lora", "qlora")} and not {_tagged("merged")})
            then {kinds["adapter"]}
        when relation = 'quantized' or {_says("words", "words_of_precision")} then case
            when {weights} and {_tagged("onnx", "openvino", "gguf", "tflite")}
                and not {_says("words", "words_of_precision")} and not {precise}
                then {kinds["finetune"]}
            when {_tagged(*conversion)} or {libraries} or ({_tagged("onnx")} and not {weights})
                then {kinds["format_conversion"]}
            else {kinds["quantization"]} end
        when relation = 'merge' then {kinds["merge"]}
        when {_says("words", "words_of_checkpoint")} then {kinds["checkpoint"]}
        when {_says("words", "words_of_merge")} or {_tagged("mergekit")} then {kinds["merge"]}
        when relation = 'finetune' and stem = parent_stem
            and organization <> split_part(parent, '/', 1)
            and (not {_says("words", "words_of_tuning")}
                or {_says("parent_words", "words_of_tuning")})
            and not {trained} then {kinds["format_conversion"]}
        when relation = 'finetune' then {kinds["finetune"]}
        when {libraries} or ({_tagged(*conversion)} and not {weights})
            then {kinds["format_conversion"]}
        when {_says("words", "words_of_tuning")} or {trained} or not {_is_at_home()}
            then {kinds["finetune"]}
        else {kinds["base"]} end::utinyint"""


def release_family() -> str:
    """The family of a row: its own name's, or its first parent's where that says more."""
    own, parents = family("brand", "version"), family("parent_brand", "parent_version")
    return f"""case
        when brand = '' and parent_brand = ''
            then {beginning("coalesce(nullif(parent_stem, ''), stem)")}
        when parent_brand = '' or (brand = parent_brand and version <> '')
            or (brand not in ('', parent_brand)
                and not contains(words, '-' || replace(parent_brand, '-', '--')))
            then {own}
        else {parents} end"""


# Of rows (k, organization, name, library, tag_text) their type, group and first parent.
READ = f"""
select *, {release_type()} as release_type
from (
    select *, {brand("named")} as brand, {version("named")} as version
    from (
        select *, {stem("words")} as stem, {stem("parent_words")} as parent_stem,
            {named("words")} as named
        from (
            select *, {words("name")} as words,
                {words("split_part(parent, '/', 2)")} as parent_words
            from (
                select *,
                    regexp_extract(tag_text,
                        '[|]base_model:(adapter|merge|quantized|finetune):', 1) as relation,
                    regexp_extract(tag_text, '[|]base_model:'
                        '(?:(?:adapter|merge|quantized|finetune):)?([^:|]+)[|]', 1) as parent
                from {{rows}}
            )
        )
    )
)
"""
# The same rows with the family of their release.
READ_FAMILIES = f"""
select *, {release_family()} as family
from (
    select *, {brand("parent_named")} as parent_brand, {version("parent_named")} as parent_version
    from (select *, {named("parent_words")} as parent_named from ({READ}))
)
"""
# Family and line of rows (m, name, model_id), by the name alone.
FAMILIES = f"""
select m,
    case when brand = '' then unknown else {family("brand", "version")} end as family_name,
    case when brand <> '' then brand
        else coalesce(nullif(regexp_replace(unknown, '-?v?[0-9.]+$', '', 'g'), ''), unknown)
        end as line_name
from (
    select m, {brand("named")} as brand, {version("named")} as version,
        coalesce(nullif({beginning("stem")}, ''), lower(model_id)) as unknown
    from (
        select m, model_id, {named("words")} as named, {stem("words")} as stem
        from (select m, model_id, {words("name")} as words from {{rows}})
    )
)
"""
