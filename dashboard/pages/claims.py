"""Claims: not written yet."""

from __future__ import annotations

from dashboard.site import Site


def write(site: Site) -> None:
    """Write `claims.html`."""
    site.page("claims", "pending.html", title="Claims")
