"""Families: whose models everything else is built on, and how new ones are received.

What belongs here: downloads by line and family, whose models new derivatives choose, and
relative adoption. A line is all versions of a brand (`Qwen/qwen`), a family one of them.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from dashboard import charts, colours, tables, words
from dashboard.figures import Figure, Panel, ends, provisional
from dashboard.publication import Answer, Row, Slice
from dashboard.site import Site
from dashboard.tables import Column

TABLE = "fct_family_share_daily"
ADOPTION = "fct_relative_adoption"
FOREGROUND = 8
LABEL_LENGTH = 18
AGES = (7, 14, 30, 60, 90, 180, 365)
REST = {"(other)": "Everybody else", "(unknown)": "Root unknown"}
CREDITED = (
    ("base_model", "Credited to the root model"),
    ("publisher", "Credited to the publisher"),
)


def write(site: Site) -> None:
    """Write `families.html`, one payload a slice and those of what is the same in each."""
    publication = site.publication
    first = publication.first_slice if publication.has(TABLE) else None
    html = Markup("")
    # A line keeps its colour in every slice: that of its place in the first one.
    palette: dict[str, str] = {}
    for slice_ in sorted(publication.slices, key=lambda slice_: slice_ != first) if first else ():
        figures, part = _slice(site, slice_, palette)
        site.payload(f"families-{slice_.key}", figures, part)
        if slice_ == first:
            html = part
    derivatives = _derivatives(site)
    adoption, received, unmeasured = _adoption(site)
    site.page(
        "families",
        "families.html",
        title="Families",
        stem="families",
        slices=publication.slices,
        first=first,
        html=html,
        what="Downloads by the family at the root of the lineage",
        table=TABLE,
        derivatives=derivatives,
        derivatives_payload=site.payload("derivatives", derivatives),
        adoption=adoption,
        adoption_payload=site.payload("adoption", adoption),
        received=received,
        unmeasured=unmeasured,
    )


def _slice(site: Site, slice_: Slice, palette: dict[str, str]) -> tuple[list[Figure], Markup]:
    standing = site.publication.ask("line_standing", site.parameters(slice_))
    by_line = {row["family_line"]: row for row in standing}
    named = [row for row in standing if row["family_line"] not in REST]
    ranked = [row for row in named if row["share_of_all"] is not None]
    chosen = sorted(
        (row for row in named if row["share_of_new_derivatives"]),
        key=lambda row: (-row["share_of_new_derivatives"], row["family_line"]),
    )
    figures = [_share(site, slice_, ranked, palette)] if ranked else []
    if chosen:
        figures.append(_built_upon(site, slice_, chosen, by_line, palette))
    families = site.publication.ask("family_standing", site.parameters(slice_))
    part = site.render(
        "families_slice.html",
        payload=f"families-{slice_.key}",
        provisional=site.provisional(slice_),
        figures={figure.key: figure for figure in figures},
        ranked=ranked,
        chosen=chosen,
        unknown=by_line.get("(unknown)"),
        window=words.window_phrase(slice_.window_name),
        reason=words.unmeasured(_first(standing, "null_reason")),
        derivatives_reason=words.unmeasured(_first(named, "derivatives_null_reason")),
        table=_table(families.rows) if named else "",
    )
    return figures, part


def _first(rows: Any, field: str) -> str | None:
    return next((row[field] for row in rows if row[field]), None)


def _share(site: Site, slice_: Slice, ranked: list[Row], palette: dict[str, str]) -> Figure:
    lines = [row["family_line"] for row in ranked[:FOREGROUND]]
    answer = site.publication.ask("line_share", {"lines": lines, **site.parameters(slice_)})
    rows = [_line(row, palette) | {"share_of_all": row["share_of_all"]} for row in answer]
    top = 1.06 * max(row["share_of_all"] for row in rows)
    panels = []
    for attribution, title in CREDITED:
        part = [row for row in rows if row["attribution"] == attribution]
        if part:
            data = {
                "rows": part,
                "ends": _ends(part, "share_of_all", top),
                "provisional": provisional(answer.rows),
            }
            panels.append(Panel(data, {"top": top}, title=title))
    return Figure(
        key="families",
        title=f"The {words.largest(len(lines), 'line')} of models, day by day",
        says="Share of downloads by line, credited to the root of the lineage and to publishers.",
        legend="A line is a brand in all its versions. What others make of it, a quantization or a "
        "fine-tune, counts for it by the root model, and not by the publisher.",
        spec=charts.named_lines("share_of_all", "Share"),
        panels=panels,
        facts=site.facts(slice_),
        answer=answer,
    )


def _line(row: Row, palette: dict[str, str]) -> Row:
    line = row["family_line"]
    colour = palette.setdefault(line, colours.entry(len(palette)))
    return {
        "snapshot_date": row["snapshot_date"],
        "attribution": row.get("attribution"),
        "name": words.legible(line),
        "colour": colour,
        "dashed": False,
    }


def _ends(rows: list[Row], measure: str, top: float) -> list[Row]:
    """Labels of lines by their brand, where no two share it: with its owner, which the tooltip
    tells, a label would take half of the chart.
    """
    names = {row["name"] for row in rows}
    brands = [name.rpartition("/")[2] for name in names]
    short = {
        name: words.legible(
            name.rpartition("/")[2] if brands.count(name.rpartition("/")[2]) == 1 else name,
            LABEL_LENGTH,
        )
        for name in names
    }
    return ends([row | {"name": short[row["name"]]} for row in rows], measure, top, words.percent)


def _with_free_colours(lines: list[str], palette: dict[str, str]) -> dict[str, str]:
    """The palette, in which lines that have no colour of their own get those of absent lines."""
    taken = {palette.get(line) for line in lines}
    free = [colour for place in range(FOREGROUND) if (colour := colours.entry(place)) not in taken]
    quiet = colours.entry(colours.ENTRIES)
    strangers = [line for line in lines if palette.get(line, quiet) == quiet]
    return palette | dict(zip(strangers, free, strict=False))


def _built_upon(
    site: Site,
    slice_: Slice,
    chosen: list[Row],
    by_line: dict[str, Row],
    palette: dict[str, str],
) -> Figure:
    lines = [row["family_line"] for row in chosen[:FOREGROUND]]
    answer = site.publication.ask("line_derivatives", {"lines": lines, **site.parameters(slice_)})
    measures = ("new_derivatives", "share_of_new_derivatives")
    palette = _with_free_colours(lines, palette)
    rows = [_line(row, palette) | {name: row[name] for name in measures} for row in answer]
    top = 1.06 * max(row["share_of_new_derivatives"] for row in rows)
    count = sum(row["new_derivatives"] or 0 for row in by_line.values())
    unknown = by_line.get("(unknown)", {}).get("new_derivatives") or 0
    facts = site.facts(slice_, "base_model")
    facts[0] = facts[0].replace(" to ", " of creation to ", 1)
    facts[-1] = (
        f"{words.percent(1 - unknown / count)} of {words.count(count)} new derivatives "
        "have a known root"
    )
    return Figure(
        key="built-upon",
        title="Upon whose models new ones are built",
        says="Share of new derivatives by the line at their root, day by day.",
        legend="Models created in the window and made of another: fine-tunes, adapters, "
        "merges, quantizations. Each day as it was seen.",
        spec=charts.named_lines(
            "share_of_new_derivatives",
            "Share of new derivatives",
            more=(("New derivatives", "new_derivatives", ",.1~f"),),
        ),
        panels=[
            Panel(
                {
                    "rows": rows,
                    "ends": _ends(rows, "share_of_new_derivatives", top),
                },
                {"top": top},
            )
        ],
        facts=facts,
        answer=answer,
    )


def _table(rows: list[Row]) -> Markup:
    columns = [
        Column("Family", lambda row: _family(row["family"]), "family", numeric=False),
        tables.bars("Share", "share_of_all", rows, group="Downloads"),
        tables.change("7 days", "share_change_7d", group="Downloads"),
        tables.change("30 days", "share_change_30d", group="Downloads"),
        tables.percent(
            "Without the largest", "share_of_all_without_largest_model", group="Downloads"
        ),
        tables.number("Models", "models_count", group="Downloads"),
        tables.bars("Share ", "share_of_new_derivatives", rows, group="New derivatives"),
        Column(
            "Number",
            lambda row: words.count(row["new_derivatives"]),
            "new_derivatives",
            group="New derivatives",
        ),
    ]
    return tables.table(rows, columns, caption="Families on the newest day")


def _family(family: str) -> str | Markup:
    return REST[family] if family in REST else tables.name(family)


def _derivatives(site: Site) -> list[Figure]:
    if site.publication.last_day is None or not site.publication.has("dim_models"):
        return []
    answer = site.publication.ask("derivatives", {"day": site.publication.last_day})
    if not answer:
        return []
    roots = _by_size(answer)
    colour = {
        root: "var(--country-other)" if root == "(other)" else colours.entry(place)
        for place, root in enumerate(roots)
    }
    rows = [
        {
            "month_start_date": row["month_start_date"],
            "name": _root(row["root_organization"]),
            "colour": colour[row["root_organization"]],
            "place": roots.index(row["root_organization"]),
            "derivatives_count": row["derivatives_count"],
            "share_of_derivatives": row["share_of_derivatives"],
        }
        for row in answer
    ]
    return [
        Figure(
            key="derivatives",
            title="The same by month of creation, further back",
            says="Share of each month's new derivatives by the organization at their root.",
            legend="What is still there of each month's fine-tunes, adapters and merges, by the "
            "organization at the root: it needs no history, but what was deleted since is missing. "
            "Months with fewer than 20 are left out.",
            spec=charts.derivatives_by_month(),
            panels=[Panel({"rows": rows})],
            facts=[
                site.to_date("fine-tunes, adapters and merges of two years and a half"),
                "by creation date on the Hub",
                "an organization's derivatives of its own models left out",
            ],
            answer=answer,
            entries=[(colour[root], _root(root)) for root in roots],
        )
    ]


def _root(organization: str) -> str:
    return "everybody else" if organization == "(other)" else words.legible(organization)


def _by_size(answer: Answer) -> list[str]:
    """The roots, most derivatives first, the rest last."""
    total: dict[str, int] = {}
    for row in answer:
        root = row["root_organization"]
        total[root] = total.get(root, 0) + row["derivatives_count"]
    return sorted(total, key=lambda root: (root == "(other)", -total[root], root))


def _adoption(site: Site) -> tuple[list[Figure], Markup, str]:
    """The chart, the table, and why there are none."""
    publication = site.publication
    if publication.last_day is None or not publication.has(ADOPTION):
        return [], Markup(""), ""
    answer = publication.ask("adoption", {"day": publication.last_day})
    if not answer:
        reasons = publication.ask("adoption_unmeasured").rows
        return [], Markup(""), reasons[0]["null_reason"] if reasons else "no model is old enough"
    models: dict[str, dict[int, Row]] = {}
    for row in answer:
        models.setdefault(row["model"], {})[row["age_days"]] = row
    colour = {model: colours.entry(place) for place, model in enumerate(list(models)[:FOREGROUND])}
    shown = ("age_days", "downloads", "reference_median", "reference_date", "relative_adoption")
    rows = [
        {name: row[name] for name in shown}
        | {"name": words.legible(model), "colour": colour[model]}
        for model in colour
        for row in models[model].values()
    ]
    figure = Figure(
        key="adoption",
        title="How the newest models are received, for their size and age",
        says="Relative adoption by age of the models of the last 240 days that are received best.",
        legend="Downloads since the release divided by the median of the ten largest of the same "
        "size at the same age: at 1 a model does as well as the middle of the ten best.",
        spec=charts.adoption_by_age(),
        panels=[Panel({"rows": rows})],
        facts=[
            site.to_date("downloads since the release"),
            "language models that somebody trained, of the last 240 days",
            "each model's own downloads, by publisher",
            f"the {len(colour)} received best of those with known parameters",
        ],
        answer=answer,
        entries=[(colour[model], words.legible(model)) for model in colour],
    )
    return [figure], received(answer.rows), ""


def received(adoption: list[Row]) -> Markup:
    """Models with their relative adoption at each age, in the order of the rows, as a table."""
    models: dict[str, dict[int, Row]] = {}
    for row in adoption:
        models.setdefault(row["model"], {})[row["age_days"]] = row
    if not models:
        return Markup("")
    rows = []
    for ages in models.values():
        newest = ages[max(ages)]
        rows.append(newest | {f"at_{age}": ages[age]["relative_adoption"] for age in ages})
    columns = [
        tables.text("Model", "model"),
        tables.text("Size", "size_bucket"),
        tables.day("Released", "released_on"),
        Column("Downloads", lambda row: words.magnitude(row["downloads"]), "downloads"),
        *(_at(age) for age in AGES if any(f"at_{age}" in row for row in rows)),
    ]
    filled = [{f"at_{age}": None for age in AGES} | row for row in rows]
    return tables.table(filled, columns, caption="Relative adoption by age")


def _at(age: int) -> Column:
    def cell(row: Row) -> str:
        value = row[f"at_{age}"]
        return "—" if value is None else f"{value:.2f}"

    return Column(f"{age} days", cell, f"at_{age}", group="Relative adoption")
