"""Cadence: not written yet."""

from __future__ import annotations

from dashboard.site import Site


def write(site: Site) -> None:
    """Write `cadence.html`."""
    site.page("cadence", "pending.html", title="Cadence")
