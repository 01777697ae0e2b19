"""What is done to a world that dbt built: case, gate and check, the source of docs/mutations.md.

What belongs here: declarations. Each is a change that leaves the raw snapshot as it is, so that
only the second or the third gate can tell. Corruptions of raw rows are `test_gates_raw.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Owner = dict[str, str]


@dataclass(frozen=True)
class Mutation:
    """One corruption, the gate where it belongs, and the check (or dbt test) that must tell.

    Exactly one of: `before` is SQL on the warehouse before dbt runs its tests, `after` behind
    them; `owners` changes the seed of the world's organizations, given the largest one's name;
    `model` is a file of the dbt project with a text in it and what stands there instead.
    """

    gate: Literal["2", "3"]
    check: str
    before: str = ""
    after: str = ""
    owners: Callable[[list[Owner], str], list[Owner]] | None = None
    model: tuple[str, str, str] | None = None


SLICE = "window_name = '30d' and attribution = 'publisher' and cohort = 'all' and scope = 'all'"
COUNTRY = "marts.fct_country_share_daily"
ORGANIZATION = "marts.fct_organization_share_daily"
LARGEST_COUNTRY = (
    f"country_key = (select max_by(country_key, downloads) from {COUNTRY} "
    f"where {SLICE} and country_code is not null)"
)
LARGEST_ORGANIZATION = (
    f"organization = (select max_by(organization, downloads) from {ORGANIZATION} "
    f"where {SLICE} and organization <> '(other)')"
)


def _doubled(owners: list[Owner], largest: str) -> list[Owner]:
    return [*owners, *(owner for owner in owners if owner["organization"] == largest)]


def _deleted(owners: list[Owner], largest: str) -> list[Owner]:
    return [owner for owner in owners if owner["organization"] != largest]


def _with(column: str, value: str) -> Callable[[list[Owner], str], list[Owner]]:
    def change(owners: list[Owner], largest: str) -> list[Owner]:
        return [
            owner | {column: value} if owner["organization"] == largest else owner
            for owner in owners
        ]

    return change


_IS_EU = "        is_eu\n    from countries"
MUTATIONS: dict[str, Mutation] = {
    "an organization is moved to another country in the seed": Mutation(
        "3", "history_as_published", owners=_with("country_code", "IS")
    ),
    "a seed row is deleted": Mutation("3", "history_as_published", owners=_deleted),
    "a seed row is doubled": Mutation("2", "unique_grain_dim_organizations", owners=_doubled),
    "a seed row names a country that there is not": Mutation(
        "2", "foreign_keys_dim_organizations_country_key", owners=_with("country_code", "QQ")
    ),
    "a mart's column is renamed in its model": Mutation(
        "2",
        "contract",
        model=(
            "marts/core/dim_countries.sql",
            _IS_EU,
            _IS_EU.replace("is_eu", "is_eu as is_european"),
        ),
    ),
    "a mart's column changes its type in its model": Mutation(
        "2",
        "contract",
        model=(
            "marts/core/dim_countries.sql",
            _IS_EU,
            _IS_EU.replace("is_eu", "is_eu::varchar as is_eu"),
        ),
    ),
    "a fact row is dropped before the tests of dbt": Mutation(
        "2",
        "shares_sum_to_one_fct_country_share_daily",
        before=f"delete from {COUNTRY} where {SLICE} and {LARGEST_COUNTRY}",
    ),
    "a fact row is doubled before the tests of dbt": Mutation(
        "2",
        "unique_grain_fct_country_share_daily",
        before=f"insert into {COUNTRY} from {COUNTRY} where {SLICE} and {LARGEST_COUNTRY}",
    ),
    "a share is scaled by 1.01 before the tests of dbt": Mutation(
        "2",
        "shares_sum_to_one_fct_country_share_daily",
        before=f"update {COUNTRY} set share_of_all = share_of_all * 1.01 "
        f"where {SLICE} and {LARGEST_COUNTRY}",
    ),
    "a band leaves its share outside before the tests of dbt": Mutation(
        "2",
        "band_contains_share",
        before=f"update {COUNTRY} set share_of_all_low = share_of_all_high "
        f"where {SLICE} and {LARGEST_COUNTRY}",
    ),
    "a share of an organization is null without a reason before the tests of dbt": Mutation(
        "2",
        "fct_organization_share_daily",
        before=f"update {ORGANIZATION} set share_of_all = null "
        f"where {SLICE} and {LARGEST_ORGANIZATION}",
    ),
    "a mart's column is renamed after the tests of dbt": Mutation(
        "3",
        "columns_published",
        after=f"alter table {COUNTRY} rename share_of_attributed to attributed_share",
    ),
    "a column is added after the tests of dbt": Mutation(
        "3",
        "columns_published",
        after="alter table marts.dim_countries add column note varchar",
    ),
    "a fact row is dropped after the tests of dbt": Mutation(
        "3",
        "shares_sum_to_one",
        after=f"delete from {COUNTRY} where {SLICE} and {LARGEST_COUNTRY}",
    ),
    "a fact row is doubled after the tests of dbt": Mutation(
        "3",
        "grain_unique",
        after=f"insert into {COUNTRY} from {COUNTRY} where {SLICE} and {LARGEST_COUNTRY}",
    ),
    "a country's rows are dropped after the tests of dbt": Mutation(
        "3",
        "organizations_add_up_to_countries",
        after=f"delete from {COUNTRY} where {LARGEST_COUNTRY}",
    ),
    "an organization's row is dropped after the tests of dbt": Mutation(
        "3",
        "organizations_add_up_to_countries",
        after=f"delete from {ORGANIZATION} where {SLICE} and {LARGEST_ORGANIZATION}",
    ),
    "an organization's row is doubled after the tests of dbt": Mutation(
        "3",
        "grain_unique",
        after=f"insert into {ORGANIZATION} from {ORGANIZATION} "
        f"where {SLICE} and {LARGEST_ORGANIZATION}",
    ),
    "a share is scaled by 1.01 after the tests of dbt": Mutation(
        "3",
        "shares_are_ratios",
        after=f"update {COUNTRY} set share_of_all = share_of_all * 1.01 "
        f"where {SLICE} and {LARGEST_COUNTRY}",
    ),
    "an organization's share is scaled by 1.01 after the tests of dbt": Mutation(
        "3",
        "shares_are_ratios",
        after=f"update {ORGANIZATION} set share_of_all = share_of_all * 1.01 "
        f"where {SLICE} and {LARGEST_ORGANIZATION}",
    ),
    "the shares of a slice do not sum to 1 after the tests of dbt": Mutation(
        "3",
        "shares_sum_to_one",
        after=f"update {COUNTRY} set share_of_all = share_of_all * 0.999 where {SLICE}",
    ),
    "all downloads of a slice are scaled by 1.01 after the tests of dbt": Mutation(
        "3",
        "downloads_reconcile",
        after=f"update {COUNTRY} set downloads = downloads * 1.01 where {SLICE}",
    ),
    "all cumulative downloads are scaled by 1.01 after the tests of dbt": Mutation(
        "3",
        "downloads_all_time_reconcile",
        after=f"update {COUNTRY} set downloads = downloads * 1.01 where window_name = 'all_time'",
    ),
    "downloads are moved from one organization to another after the tests of dbt": Mutation(
        "3",
        "shares_are_ratios",
        after=f"update {ORGANIZATION} set downloads = downloads + if({LARGEST_ORGANIZATION}, "
        f"1000, 0) where {SLICE}",
    ),
    "coverage is scaled by 1.01 after the tests of dbt": Mutation(
        "3",
        "coverage_adds_up",
        after="update marts.fct_mapping_coverage_daily set downloads_attributed_share = "
        f"downloads_attributed_share * 0.99 where {SLICE}",
    ),
    "a share is null without a reason after the tests of dbt": Mutation(
        "3",
        "nulls_have_reasons",
        after=f"update {COUNTRY} set share_of_all = null where {SLICE} and {LARGEST_COUNTRY}",
    ),
    "a model is dropped from its dimension after the tests of dbt": Mutation(
        "3",
        "models_reconcile",
        after="delete from marts.dim_models where model_key = "
        "(select min(model_key) from marts.dim_models)",
    ),
    "a model is counted twice after the tests of dbt": Mutation(
        "3",
        "models_reconcile",
        after=f"update {COUNTRY} set models_count = models_count + 1 "
        f"where {SLICE} and {LARGEST_COUNTRY}",
    ),
    "a country's releases are counted twice after the tests of dbt": Mutation(
        "3",
        "marts_agree",
        after="update marts.fct_country_cadence_weekly set releases_count = releases_count * 2 "
        "where country_key = 'US'",
    ),
    "a gap between countries is scaled by 1.01 after the tests of dbt": Mutation(
        "3",
        "marts_agree",
        after="update marts.fct_country_gap_daily set gap = gap * 1.01",
    ),
    "a concentration is scaled by 1.01 after the tests of dbt": Mutation(
        "3",
        "marts_agree",
        after="update marts.fct_concentration_daily set top_1_share = top_1_share * 1.01",
    ),
    "an undated model is forgotten after the tests of dbt": Mutation(
        "3",
        "marts_agree",
        after="update marts.fct_release_dates set releases_count = releases_count - 1",
    ),
    "a country leaves its dimension after the tests of dbt": Mutation(
        "3",
        "keys_resolve",
        after=f"delete from marts.dim_countries where {LARGEST_COUNTRY}",
    ),
    "an organization leaves its dimension after the tests of dbt": Mutation(
        "3",
        "keys_resolve",
        after=f"delete from marts.dim_organizations where {LARGEST_ORGANIZATION}",
    ),
    "the day is labelled as the next after the tests of dbt": Mutation(
        "3",
        "days_published",
        after=f"update {COUNTRY} set snapshot_date = snapshot_date + 1",
    ),
}
