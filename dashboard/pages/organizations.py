"""Organizations: who is downloaded most, how that moved, and who owns whom.

What belongs here: the ranking page, one payload a slice. The page of one organization is in
`organization`.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from markupsafe import Markup

from dashboard import charts, colours, tables, words
from dashboard.figures import Figure, Panel
from dashboard.pages import leaders
from dashboard.publication import Answer, Row, Slice
from dashboard.site import Site
from dashboard.tables import Column

TABLE = "fct_organization_share_daily"
MULTIPLES = 12
COUNTED = {"publisher": "by publisher", "base_model": "by origin of the base model"}


def write(site: Site) -> list[Row]:
    """Write `organizations.html`; returns the largest organizations, those with a page."""
    publication = site.publication
    first = publication.first_slice if publication.has(TABLE) else None
    largest = _standing(site, first).rows if first else []
    pages = {row["organization"]: _href(site, row["organization"]) for row in largest}
    html = Markup("")
    for slice_ in publication.slices if first else ():
        figures, part = _slice(site, slice_, pages)
        site.payload(f"organizations-{slice_.key}", figures, part)
        if slice_ == first:
            html = part
    site.page(
        "organizations",
        "slices.html",
        title="Organizations",
        stem="organizations",
        slices=publication.slices,
        first=first,
        html=html,
        what="The ranking of organizations",
        table=TABLE,
    )
    return largest


def _href(site: Site, organization: str) -> str:
    return f"organization/{site.slug(organization)}.html"


def _standing(site: Site, slice_: Slice) -> Answer:
    return site.publication.ask("organization_standing", site.parameters(slice_))


def _slice(site: Site, slice_: Slice, pages: dict[str, str]) -> tuple[list[Figure], Markup]:
    standing = _standing(site, slice_)
    ranked = [row for row in standing if row["share_of_all"] is not None]
    context: dict[str, Any] = {
        "ranked": ranked,
        "slice": slice_,
        "payload": f"organizations-{slice_.key}",
        "provisional": site.provisional(slice_),
    }
    if not ranked:
        reason = next((row["null_reason"] for row in standing if row["null_reason"]), None)
        part = site.render("organizations_slice.html", reason=words.unmeasured(reason), **context)
        return [], part
    multiples = _multiples(site, slice_, ranked[:MULTIPLES], pages)
    owners = _owners(site, slice_)
    part = site.render(
        "organizations_slice.html",
        figures={"multiples": multiples},
        shown=len(ranked),
        top_ten=sum(row["share_of_all"] for row in ranked[:10]),
        table=_table(site, ranked, pages),
        owners=_owner_table(site, owners.answer.rows),
        owners_figure=owners,
        overtakes=_overtakes(site, slice_),
        attributions=leaders.ATTRIBUTIONS,
        **context,
    )
    return [multiples, owners], part


def _overtakes(site: Site, slice_: Slice) -> list[Row]:
    if not site.publication.has("fct_overtakes"):
        return []
    answer = site.publication.ask("organization_overtakes", site.parameters(slice_))
    return [leaders.overtake(row, words.legible) for row in answer]


def _multiples(site: Site, slice_: Slice, rows: list[Row], pages: dict[str, str]) -> Figure:
    names = [row["organization"] for row in rows]
    home = {row["organization"]: row["country_key"] for row in rows}
    share = {row["organization"]: row["share_of_all"] for row in rows}
    answer = site.publication.ask(
        "organization_share",
        {"organizations": names, **site.parameters(slice_)},
    )
    lines = {name: list(members) for name, members in groupby(answer, lambda r: r["organization"])}
    panels = [
        Panel(
            title=words.legible(name),
            href=pages.get(name, ""),
            note=words.percent(share[name]),
            data={"rows": series(lines.get(name, []), colours.country(home[name]))},
        )
        for name in names
    ]
    return Figure(
        key="multiples",
        title=f"The {len(names)} largest, day by day",
        says="Share of downloads over time",
        spec=charts.organization_share(small=True),
        panels=panels,
        facts=[*site.facts(slice_), "each on its own scale from 0"],
        answer=answer,
        legend="Full line: by publisher. Dashed: everything derived from its models, whoever "
        "publishes it. Coloured by country.",
    )


def series(rows: list[Row], colour: str) -> list[Row]:
    """Rows of `organization_share` as the chart of that name wants them."""
    return [
        {
            "snapshot_date": row["snapshot_date"],
            "attribution": row["attribution"],
            "name": COUNTED[row["attribution"]],
            "share_of_all": row["share_of_all"],
            "colour": colour,
        }
        for row in rows
    ]


def _table(site: Site, rows: list[Row], pages: dict[str, str]) -> Markup:
    rows = [row | {"country": site.publication.country(row["country_key"])} for row in rows]
    one = "By publisher"

    def organization(row: Row) -> Markup:
        return tables.name(row["organization"], href=pages.get(row["organization"], ""))

    columns = [
        tables.number("Rank", "rank"),
        Column("Organization", organization, "organization", numeric=False),
        tables.country("Country", "country", "country_key"),
        tables.bars("Share", "share_of_all", rows, group=one),
        tables.change("7 days", "share_change_7d", group=one),
        tables.change("30 days", "share_change_30d", group=one),
        tables.percent(
            "Without its largest model", "share_of_all_without_largest_model", group=one
        ),
        Column("By base model", _origin, "origin_share"),
        Column("Downloads", lambda row: words.magnitude(row["downloads"]), "downloads"),
        tables.number("Models", "models_count"),
    ]
    return tables.table(rows, columns, caption="Largest organizations on the newest day")


def _origin(row: Row) -> str | Markup:
    if row["origin_share"] is None:
        return Markup('<span class="none">{}</span>').format(origin_missing(row))
    return words.percent(row["origin_share"])


def origin_missing(row: Row) -> str:
    """What stands where a row of the ranking has no share by origin of the base model."""
    if row["origin_is_unnamed"]:
        return "too small to be named"
    return words.unmeasured(row["origin_null_reason"])


def _owners(site: Site, slice_: Slice) -> Figure:
    answer = site.publication.ask("owner_standing", site.parameters(slice_))
    return Figure(
        key="owners",
        title="By owner",
        says="",
        spec={},
        panels=[],
        facts=site.facts(slice_, "publisher"),
        answer=answer,
    )


def _owner_table(site: Site, rows: list[Row]) -> Markup:
    rows = [row | {"country": site.publication.country(row["country_key"])} for row in rows]
    columns = [
        tables.text("Owner", "owner"),
        tables.country("Country", "country", "country_key"),
        tables.bars("Share", "share_of_all", rows),
        tables.change("7 days", "share_change_7d"),
        tables.number("Namespaces", "namespaces_count"),
        tables.text("Which", "namespaces"),
    ]
    return tables.table(rows, columns, caption="Owners on the newest day")
