"""One page for each of the largest organizations.

What belongs here: what is said about one organization. Each table is asked once for all pages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from dashboard import charts, colours, tables, words
from dashboard.figures import Figure, Panel, provisional
from dashboard.pages import cadence, families, organizations
from dashboard.publication import Answer, Row
from dashboard.site import Site
from dashboard.tables import Column


def write(site: Site, largest: list[Row]) -> None:
    """Write `organization/<slug>.html` for each of the `largest`."""
    if not largest:
        return
    names = [row["organization"] for row in largest]
    first = site.publication.first_slice
    day = site.publication.last_day
    assert first is not None and day is not None
    share = _by_organization(site, "organization_share", names, **site.parameters(first))
    releases = _by_organization(site, "organization_releases", names, day=day)
    rhythm = _by_organization(site, "organization_rhythm", names, day=day)
    models = _by_organization(site, "organization_models", names)
    adoption = _by_organization(site, "organization_adoption", names)
    profiles = _profiles(site, names)
    owners = {
        row["organization"]: profiles.get(row["organization"], {}).get("parent") or row["owner"]
        for row in largest
    }
    siblings = _siblings(site, owners)
    for row in largest:
        name = row["organization"]
        profile = profiles.get(name, {})
        figures = _figures(site, row, share[name], releases[name])
        slug = site.slug(name)
        site.page(
            f"organization/{slug}",
            "organization.html",
            title=words.legible(name),
            payload=site.payload(f"organization-{slug}", figures),
            name=name,
            lede=_lede(site, row, profile),
            share=row["share_of_all"],
            reason=words.unmeasured(row["null_reason"]),
            rank=words.count(row["rank"]),
            slice_text=site.facts(first)[0],
            provisional=site.provisional(first),
            origin_share=row["origin_share"],
            origin_missing=organizations.origin_missing(row),
            change_7d=row["share_change_7d"],
            change_30d=row["share_change_30d"],
            rhythm=rhythm[name].rows[0] if rhythm[name] else None,
            figures=figures,
            models=_models(models[name]),
            received=families.received(adoption[name].rows),
            owner=owners[name],
            siblings=siblings[name],
        )


_TABLES = {
    "organization_share": "fct_organization_share_daily",
    "organization_releases": "fct_release_cadence_weekly",
    "organization_rhythm": "fct_organization_cadence_daily",
    "organization_models": "dim_models",
    "organization_adoption": "fct_relative_adoption",
}


def _by_organization(
    site: Site, query: str, names: list[str], **parameters: Any
) -> dict[str, Answer]:
    """The answer to `query` for each organization, with the text that asks for it alone."""
    if not site.publication.has(_TABLES[query]):
        return defaultdict(lambda: Answer("", [], []))
    together = site.publication.ask(query, {"organizations": names, **parameters})
    rows: dict[str, list[Row]] = {name: [] for name in names}
    for row in together:
        rows[row["organization"]].append(row)
    return {
        name: Answer(
            site.publication.text(query, {"organizations": [name], **parameters}),
            together.columns,
            rows[name],
        )
        for name in names
    }


def _profiles(site: Site, names: list[str]) -> dict[str, Row]:
    if not site.publication.has("dim_organizations"):
        return {}
    answer = site.publication.ask("organization_profiles", {"organizations": names})
    return {row["organization"]: row for row in answer}


def _lede(site: Site, row: Row, profile: Row) -> str:
    country = site.publication.country(row["country_key"])
    kind = words.legible(profile.get("organization_type") or "organization")
    text = f"{words.capital(kind)} · {country}"
    other = profile.get("alternative_country_key")
    if other:
        text += f" (contested: {site.publication.country(other)})"
    if profile.get("parent"):
        text += f" · owned by {words.legible(profile['parent'])}"
    if profile.get("confidence"):
        text += f" · mapped with {words.legible(profile['confidence'])} confidence"
    if profile.get("evidence"):
        text += f": {words.legible(profile['evidence'])}"
    return text


def _figures(site: Site, row: Row, share: Answer, releases: Answer) -> list[Figure]:
    first = site.publication.first_slice
    assert first is not None
    figures = []
    if share:
        lines = organizations.series(share.rows, colours.country(row["country_key"]))
        figures.append(
            Figure(
                key="share",
                title="Share of downloads, day by day",
                says="Share of downloads over time by both attributions.",
                spec=charts.organization_share(small=False),
                panels=[Panel({"rows": lines, "provisional": provisional(share.rows)})],
                facts=site.facts(first),
                answer=share,
                legend="Full line: by publisher. Dashed: everything derived from its models.",
            )
        )
    if releases:
        figures.append(
            Figure(
                key="releases",
                title="Releases by week",
                says="Releases a week over the last year, by type.",
                spec=charts.releases_by_week(),
                panels=[Panel({"rows": [cadence.release(row) for row in releases]})],
                facts=[
                    site.to_date("52 weeks"),
                    "every kind of model",
                    "by creation date on the Hub",
                ],
                answer=releases,
                entries=cadence.release_key(releases),
            )
        )
    return figures


def _models(answer: Answer) -> Markup:
    if not answer:
        return Markup("")
    columns = [
        tables.text("Model", "model_id"),
        Column("Created", _created, "created_at", numeric=False),
        Column(
            "Type",
            lambda row: (row["release_type"] or "").replace("_", " "),
            "release_type",
            numeric=False,
        ),
        tables.text("Task", "pipeline_tag"),
        tables.text("License", "license"),
        Column(
            "Parameters", lambda row: words.magnitude(row["parameters_count"]), "parameters_count"
        ),
    ]
    return tables.table(answer.rows, columns, caption="Newest models")


def _created(row: Row) -> str:
    if row["created_at"] is not None:
        return words.day(row["created_at"])
    return f"unknown; first seen {words.day(row['came_on'])}" if row["came_on"] else "unknown"


def _siblings(site: Site, owners: dict[str, str | None]) -> dict[str, list[Row]]:
    """For each organization that has a page, the others of its owner, linked where they have one.

    Asked of the few owners at once: of 5 million models there are half a million organizations.
    """
    known = sorted({owner for owner in owners.values() if owner is not None})
    answer: Iterable[Row] = ()
    if known and site.publication.has("dim_organizations"):
        answer = site.publication.ask("organizations_of_owners", {"owners": known})
    of_owner: dict[str, set[str]] = defaultdict(set)
    for row in answer:
        for owner in (row["organization"], row["canonical_organization"], row["parent"]):
            of_owner[owner].add(row["organization"])
    return {
        name: [
            {"organization": other, "href": f"{site.slug(other)}.html" if other in owners else ""}
            for other in sorted(of_owner[owner] - {name} if owner is not None else ())
        ]
        for name, owner in owners.items()
    }
