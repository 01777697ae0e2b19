"""The profile of a day as a picture, from what the Dagster UI shows of it.

What belongs here: reading the table `profile` of a home's newest publication, and drawing it.
The steps are measured in `orchestration/profile.py`.
"""

from __future__ import annotations

from pathlib import Path

import altair as alt
import dagster as dg
import pandas as pd

from orchestration.home import Home


def steps(home: Home) -> pd.DataFrame:
    """The steps of the newest publication, in their order: seconds, CPU seconds and MiB."""
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("publication"))
    if event is None or event.asset_materialization is None:
        raise SystemExit(f"{home.root} has no publication: nothing to draw")
    table = event.asset_materialization.metadata["profile"].value
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in str(table).splitlines()[2:]
    ]
    frame = pd.DataFrame(rows, columns=["step", "seconds", "cpu_seconds", "peak_mib", "read_mib"])
    numbers = frame.columns[1:]
    frame[numbers] = frame[numbers].apply(
        lambda column: pd.to_numeric(column.str.replace(",", ""), errors="coerce")
    )
    return frame


def draw(home: Home, title: str, file: Path) -> None:
    """Write the profile as SVG: the steps of the day, and below them the slowest nodes of dbt."""
    frame = steps(home)
    is_node = frame["step"].str.match(r"dbt \w+: ")
    tables = {
        "steps, one after the other": frame[~is_node],
        "slowest nodes of the dbt build": frame[is_node],
    }
    parts = []
    for name, rows in tables.items():
        bars = (
            alt.Chart(rows, title=alt.Title(name, anchor="start", fontSize=12))
            .mark_bar(height=12)
            .encode(
                y=alt.Y("step:N", sort=None, title=None, axis=alt.Axis(labelLimit=340)),
                x=alt.X("seconds:Q", title="seconds"),
            )
            .properties(width=420, height=alt.Step(17))
        )
        said = bars.mark_text(align="left", dx=4).encode(text=alt.Text("seconds:Q", format=".1f"))
        parts.append(bars + said)
    chart = alt.vconcat(*parts, title=alt.Title(title, anchor="start")).configure_view(stroke=None)
    file.parent.mkdir(parents=True, exist_ok=True)
    chart.save(str(file))
