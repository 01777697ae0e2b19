"""The declaration of every published table: grain, columns, types, what may be null.

What belongs here: the published interface, once. Gate 3 holds a candidate against it, the
publisher sorts by its grain (`build.order_of`), PostgreSQL takes its keys from it, and a test
compares it with dbt's YAML in both directions. What the columns mean is described there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A published column; `type` is DuckDB's."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True)
class ForeignKey:
    """`column` names a row of `table`, but for the `exempt` values that stand for many."""

    column: str
    table: str
    key: str
    exempt: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A published table; its rows are unique by `grain`."""

    name: str
    grain: tuple[str, ...]
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()


def _table(name: str, grain: str, columns: str, *foreign_keys: ForeignKey) -> Table:
    declared = []
    for words in filter(None, map(str.split, columns.splitlines())):
        column, kind, *rest = words
        declared.append(Column(column, kind.upper(), rest == ["null"]))
    return Table(name, tuple(grain.split()), tuple(declared), foreign_keys)


_SLICE = "snapshot_date window_name attribution cohort scope"
# The same as SQL has it.
SLICE = ", ".join(_SLICE.split())
_SLICE_COLUMNS = """
    snapshot_date date
    window_name varchar
    attribution varchar
    cohort varchar
    scope varchar
"""
_COUNTRY = ForeignKey("country_key", "dim_countries", "country_key")
_DATE = ForeignKey("snapshot_date", "dim_dates", "date_day")
_WEEK = ForeignKey("week_start_date", "dim_dates", "date_day")
# `(other)` sums up the small ones, `(all)` everybody: no namespace can be called so.
_ORGANIZATION = ForeignKey(
    "organization", "dim_organizations", "organization", ("(other)", "(all)")
)

# `(all)` waits for a later snapshot, `(other: KIND)` sums up the small ones.
_SUMMED_ADJUSTMENTS = (
    "(all)",
    *(
        f"(other: {kind})"
        for kind in (
            "stall",
            "catch_up",
            "rollback",
            "recount",
            "fall",
            "held_level",
            "absence",
            "first_observation",
        )
    ),
)

_ALL = (
    _table(
        "fct_country_share_daily",
        f"{_SLICE} country_key",
        _SLICE_COLUMNS
        + """
        country_key varchar
        country_code varchar null
        downloads double null
        models_count bigint null
        share_of_all double null
        share_of_attributed double null
        share_of_all_low double null
        share_of_all_high double null
        share_of_all_without_largest_model double null
        rank integer null
        share_change_7d double null
        share_change_30d double null
        downloads_uncorrected double null
        is_provisional boolean
        null_reason varchar null
        """,
        _COUNTRY,
        _DATE,
    ),
    _table(
        "fct_organization_share_daily",
        f"{_SLICE} organization country_key",
        _SLICE_COLUMNS
        + """
        organization varchar
        country_key varchar
        country_code varchar null
        canonical_organization varchar
        parent varchar null
        downloads double null
        models_count bigint null
        share_of_all double null
        share_of_attributed double null
        share_of_all_without_largest_model double null
        rank integer null
        share_change_7d double null
        share_change_30d double null
        downloads_uncorrected double null
        is_provisional boolean
        null_reason varchar null
        """,
        _COUNTRY,
        _DATE,
        _ORGANIZATION,
    ),
    _table(
        "fct_release_cadence_weekly",
        "week_start_date organization release_type",
        """
        week_start_date date
        organization varchar
        release_type varchar
        releases_count bigint
        launches_count bigint
        """,
        _WEEK,
        _ORGANIZATION,
    ),
    _table(
        "fct_country_cadence_weekly",
        "week_start_date country_key release_type",
        """
        week_start_date date
        country_key varchar
        release_type varchar
        releases_count bigint
        launches_count bigint
        organizations_count bigint
        """,
        _WEEK,
        _COUNTRY,
    ),
    _table(
        "fct_organization_cadence_daily",
        "snapshot_date organization",
        """
        snapshot_date date
        organization varchar
        launches_365d bigint
        releases_365d bigint
        median_days_between_launches double null
        p90_days_between_launches double null
        share_of_weeks_with_launch double
        current_week_streak bigint
        days_since_last_launch bigint null
        releases_undated_count bigint
        """,
        _DATE,
        _ORGANIZATION,
    ),
    _table(
        "fct_release_dates",
        "release_date_source release_type",
        """
        release_date_source varchar
        release_type varchar
        releases_count bigint
        first_released_on date null
        last_released_on date null
        """,
    ),
    _table(
        "fct_concentration_daily",
        f"{_SLICE} level",
        _SLICE_COLUMNS
        + """
        level varchar
        entities_count bigint null
        hhi double null
        gini double null
        top_1_share double null
        top_10_share double null
        top_100_share double null
        top_1000_share double null
        top_1_percent_share double null
        null_reason varchar null
        """,
        _DATE,
    ),
    _table(
        "fct_country_gap_daily",
        f"{_SLICE} country_key other_country_key",
        _SLICE_COLUMNS
        + """
        country_key varchar
        other_country_key varchar
        gap double
        gap_low double
        gap_high double
        gap_change_7d double null
        is_provisional boolean
        """,
        _COUNTRY,
        ForeignKey("other_country_key", "dim_countries", "country_key"),
        _DATE,
    ),
    _table(
        "fct_mapping_coverage_daily",
        _SLICE,
        _SLICE_COLUMNS
        + """
        downloads_attributed_share double null
        downloads_accounted_share double null
        downloads_with_known_lineage_share double null
        organizations_mapped_count bigint null
        unattributed_top_organization varchar null
        null_reason varchar null
        """,
        _DATE,
    ),
    _table(
        "fct_overtakes",
        "overtaken_on window_name attribution cohort scope entity_kind leader follower",
        """
        overtaken_on date
        window_name varchar
        attribution varchar
        cohort varchar
        scope varchar
        entity_kind varchar
        leader varchar
        follower varchar
        leader_share double
        follower_share double
        confirmed boolean
        confirmed_on date null
        is_certain boolean
        """,
        ForeignKey("overtaken_on", "dim_dates", "date_day"),
    ),
    _table(
        "fct_claims",
        "snapshot_date claim_id",
        """
        snapshot_date date
        claim_id varchar
        claim varchar
        source varchar
        citation varchar null
        claimed_period varchar null
        claimed_value double
        tolerance double
        unit varchar
        comparison varchar
        measure varchar
        parameter double null
        entity varchar null
        window_name varchar null
        attribution varchar null
        cohort varchar null
        scope varchar null
        measured_value double null
        measured_low double null
        measured_high double null
        measured_value_for_period double null
        verdict_for_period varchar
        verdict_today varchar
        why varchar
        why_for_period varchar
        note varchar null
        downloads_attributed_share double null
        is_provisional boolean
        """,
        _DATE,
    ),
    _table(
        "fct_family_share_daily",
        f"{_SLICE} family",
        _SLICE_COLUMNS
        + """
        family varchar
        family_line varchar
        organization varchar null
        downloads double null
        models_count bigint null
        share_of_all double null
        share_of_all_without_largest_model double null
        rank integer null
        share_change_7d double null
        share_change_30d double null
        downloads_uncorrected double null
        new_derivatives double null
        share_of_new_derivatives double null
        is_provisional boolean
        null_reason varchar null
        derivatives_null_reason varchar null
        """,
        _DATE,
        _ORGANIZATION,
    ),
    _table(
        "fct_family_derivatives_monthly",
        "month_start_date scope family",
        """
        month_start_date date
        scope varchar
        family varchar
        family_line varchar
        snapshot_date date
        new_derivatives double
        share_of_new_derivatives double null
        """,
        _DATE,
    ),
    _table(
        "fct_relative_adoption",
        "model age_days",
        """
        model varchar
        age_days integer
        organization varchar
        released_on date
        size_bucket varchar null
        measured_on date null
        downloads double null
        reference_median double null
        reference_date date null
        relative_adoption double null
        null_reason varchar null
        """,
        _ORGANIZATION,
    ),
    _table(
        "fct_flow_adjustments",
        "snapshot_date model_key",
        """
        snapshot_date date
        model_key varchar
        kind varchar
        amount double null
        models_count bigint
        counter_before bigint null
        counter_after bigint null
        why varchar
        """,
        _DATE,
        ForeignKey("model_key", "dim_models", "model_key", _SUMMED_ADJUSTMENTS),
    ),
    _table(
        "fct_revisions",
        "recorded_at table_name column_name snapshot_date key",
        """
        recorded_at timestamp
        table_name varchar
        column_name varchar
        snapshot_date date
        key varchar
        old_value double null
        new_value double null
        old_text varchar null
        new_text varchar null
        changes_count bigint
        reason varchar
        """,
    ),
    _table(
        "fct_snapshot_quality_daily",
        "snapshot_date check_name",
        """
        snapshot_date date
        check_name varchar
        status varchar
        observed_value double null
        threshold varchar null
        rows_quarantined bigint
        """,
        _DATE,
    ),
    _table(
        "dim_organizations",
        "organization valid_from",
        """
        organization varchar
        valid_from date
        canonical_organization varchar
        country_key varchar
        alternative_country_key varchar null
        organization_type varchar
        parent varchar null
        confidence varchar null
        evidence varchar
        valid_to date null
        is_current boolean
        """,
        _COUNTRY,
    ),
    _table(
        "dim_models",
        "model_key",
        """
        model_key varchar
        model_id varchar
        organization varchar
        created_at timestamp null
        release_type varchar null
        release_group varchar null
        root_base_model varchar
        root_organization varchar
        library_name varchar null
        pipeline_tag varchar null
        license varchar null
        parameters_count bigint null
        first_seen_on date
        last_seen_on date
        """,
    ),
    _table(
        "dim_countries",
        "country_key",
        """
        country_key varchar
        country_code varchar null
        country_name varchar
        region varchar null
        sub_region varchar null
        is_eu boolean
        """,
    ),
    _table(
        "dim_dates",
        "date_day",
        """
        date_day date
        week_start_date date
        iso_year integer
        iso_week integer
        month_start_date date
        has_snapshot boolean
        """,
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _ALL}

# Without these a warehouse is not publishable; the others are published where they are built.
REQUIRED: tuple[str, ...] = (
    "fct_country_share_daily",
    "fct_organization_share_daily",
    "fct_family_share_daily",
    "fct_release_cadence_weekly",
    "fct_mapping_coverage_daily",
    "fct_flow_adjustments",
    "fct_snapshot_quality_daily",
    "dim_organizations",
    "dim_models",
    "dim_countries",
    "dim_dates",
)
