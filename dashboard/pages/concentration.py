"""Concentration: not written yet."""

from __future__ import annotations

from dashboard.site import Site


def write(site: Site) -> None:
    """Write `concentration.html`."""
    site.page("concentration", "pending.html", title="Concentration")
