"""Families: not written yet."""

from __future__ import annotations

from dashboard.site import Site


def write(site: Site) -> None:
    """Write `families.html`."""
    site.page("families", "pending.html", title="Families")
