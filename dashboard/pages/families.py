"""Families: whose models everything else is built on.

What belongs here: downloads by root family, and whose models new derivatives choose.
"""

from __future__ import annotations

from markupsafe import Markup

from dashboard import charts, colours, tables, words
from dashboard.figures import Figure, Panel, ends
from dashboard.publication import Answer, Row, Slice
from dashboard.site import Site
from dashboard.tables import Column

TABLE = "fct_family_share_daily"
FOREGROUND = 8


def write(site: Site) -> None:
    """Write `families.html` and one payload a slice."""
    publication = site.publication
    first = publication.first_slice if publication.has(TABLE) else None
    html = Markup("")
    # A family keeps its colour in every slice: that of its place in the first one.
    palette: dict[str, str] = {}
    for slice_ in sorted(publication.slices, key=lambda slice_: slice_ != first) if first else ():
        figures, part = _slice(site, slice_, palette)
        site.payload(f"families-{slice_.key}", figures, part)
        if slice_ == first:
            html = part
    derivatives = _derivatives(site)
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
    )


def _slice(site: Site, slice_: Slice, palette: dict[str, str]) -> tuple[list[Figure], Markup]:
    standing = site.publication.ask("family_standing", site.parameters(slice_))
    ranked = [row for row in standing if row["share_of_all"] is not None]
    reason = next((row["null_reason"] for row in standing if row["null_reason"]), None)
    figures = [_share(site, slice_, ranked, palette)] if ranked else []
    part = site.render(
        "families_slice.html",
        payload=f"families-{slice_.key}",
        figures=figures,
        ranked=ranked,
        reason=words.unmeasured(reason),
        table=_table(ranked) if ranked else "",
    )
    return figures, part


def _share(site: Site, slice_: Slice, ranked: list[Row], palette: dict[str, str]) -> Figure:
    families = [row["family"] for row in ranked[:FOREGROUND]]
    for family in families:
        palette.setdefault(family, colours.entry(len(palette)))
    answer = site.publication.ask("family_share", {"families": families, **site.parameters(slice_)})
    rows = [
        {
            "snapshot_date": row["snapshot_date"],
            "name": words.legible(row["family"]),
            "colour": palette[row["family"]],
            "dashed": False,
            "share_of_all": row["share_of_all"],
        }
        for row in answer
    ]
    top = 1.06 * max(row["share_of_all"] for row in rows)
    return Figure(
        key="families",
        title=f"The {len(families)} largest families, day by day",
        says="Share of downloads by the family at the root of the lineage.",
        spec=charts.named_lines("share_of_all", "Share"),
        panels=[
            Panel(
                {"rows": rows, "ends": ends(rows, "share_of_all", top, words.percent)}, {"top": top}
            )
        ],
        facts=site.facts(slice_, "base_model"),
        answer=answer,
    )


def _table(rows: list[Row]) -> Markup:
    columns = [
        tables.text("Family", "family"),
        tables.bars("Share", "share_of_all", rows),
        tables.change("7 days", "share_change_7d"),
        tables.change("30 days", "share_change_30d"),
        Column("Downloads", lambda row: words.magnitude(row["downloads"]), "downloads"),
        tables.number("Models", "models_count"),
    ]
    return tables.table(rows, columns, caption="Families on the newest day")


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
            title="Whose models new derivatives are built on",
            says="Share of each month's new derivatives by the organization at their root.",
            spec=charts.derivatives_by_month(),
            panels=[Panel({"rows": rows})],
            facts=[
                site.to_date("fine-tunes, adapters and merges of the year"),
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
