"""Things by days or weeks, as coloured cells.

What belongs here: drawings in which the place says what and when, and the colour how much.
"""

from __future__ import annotations

from functools import cache

import altair as alt

from dashboard import colours
from dashboard.charts.house import (
    DATE,
    DAY,
    INK,
    SURFACE,
    data,
    spec,
    tip,
)
from dashboard.figures import Spec


@cache
def checks_by_day(checks: int, days: int) -> Spec:
    """Every check of every day as a coloured cell; a mark in it where it did not pass.

    Data set `rows`: snapshot_date, check_name, status, observed_value, threshold,
    rows_quarantined.
    """
    statuses = list(colours.STATUSES)
    x = alt.X(
        "yearmonthdate(snapshot_date):O",
        title=None,
        axis=alt.Axis(
            format="%-d %b",
            labelAngle=0,
            labelOverlap="greedy",
            labelSeparation=24,
            ticks=False,
            domain=False,
        ),
        scale=alt.Scale(padding=0.12),
    )
    y = alt.Y(
        "check_name:N",
        title=None,
        axis=alt.Axis(labelLimit=220, ticks=False, domain=False, labelColor=INK),
        scale=alt.Scale(padding=0.18),
    )
    rows = data("rows")
    cell = rows.mark_rect(
        cornerRadius=2,
        tooltip=tip(
            DAY,
            ("Check", "check_name", ""),
            ("Result", "status", ""),
            ("Observed", "observed_value", ".4~g"),
            ("Allowed", "threshold", ""),
            ("Rows set aside", "rows_quarantined", ""),
        ),
    ).encode(
        x=x,
        y=y,
        color=alt.Color(
            "status:N",
            legend=None,
            scale=alt.Scale(
                domain=statuses, range=[f"var(--status-{status})" for status in statuses]
            ),
        ),
    )
    mark = (
        rows.transform_filter("datum.status != 'passed'")
        .mark_text(text="!", fontWeight=700, fontSize=11, color=SURFACE)
        .encode(x=x, y=y)
    )
    # Cells of a wide chart with three days would be beams.
    return spec(
        alt.layer(cell, mark).properties(height=22 * checks),
        "container" if days > 20 else 22 * days,
    )


@cache
def launches_by_week(organizations: int) -> Spec:
    """A heat map of organizations and weeks: the more, the deeper.

    Data set `rows`: week_start_date, name, place, kind, launches_count, releases_count, amount.
    Parameter `kind`: which of the kinds is shown.
    """
    kind = alt.param(name="kind", value="launches")
    return spec(
        data("rows")
        .transform_filter("datum.kind == kind")
        .mark_rect(
            cornerRadius=1.5,
            tooltip=tip(
                ("Organization", "name", ""),
                ("Week of", "week_start_date", DATE),
                ("Number", "amount", ""),
                ("Of", "kind", ""),
            ),
        )
        .encode(
            x=alt.X(
                "yearmonthdate(week_start_date):O",
                title=None,
                axis=alt.Axis(
                    format="%b %Y",
                    orient="top",
                    labelAngle=0,
                    labelOverlap="greedy",
                    labelSeparation=30,
                    ticks=False,
                    domain=False,
                ),
                scale=alt.Scale(padding=0.08),
            ),
            y=alt.Y(
                "name:N",
                title=None,
                sort=alt.EncodingSortField("place", op="min"),
                axis=alt.Axis(
                    labelLimit=150, ticks=False, domain=False, labelColor=INK, grid=True, zindex=0
                ),
                scale=alt.Scale(padding=0.12),
            ),
            color=alt.Color(
                "amount:Q",
                legend=None,
                scale=alt.Scale(type="log", range=["var(--heat-low)", "var(--heat-high)"]),
            ),
        )
        .add_params(kind)
        .properties(height=19 * organizations + 24)
    )
