"""What can be run as a whole."""

from __future__ import annotations

import dagster as dg

from orchestration.defs.fetch.checks import gate_1
from orchestration.defs.publish.assets import publication
from orchestration.defs.transform.assets import transform

# One day, or a range of an archive, from the Hub to what people read.
daily_observatory = dg.define_asset_job(
    name="daily_observatory",
    selection=dg.AssetSelection.all(),
    description="A day of Hub metadata: fetched, checked, transformed, checked, published.",
)

# What is sealed, built and published again: after a change of models or seeds.
publish_again = dg.define_asset_job(
    name="publish_again",
    selection=dg.AssetSelection.assets(*transform.keys, publication)
    | dg.AssetSelection.checks(*gate_1.check_keys, *transform.check_keys),
    description="Build and publish what is sealed already; nothing is fetched.",
)

# Days alone: the demo fetches several before it judges and builds them at once.
fetch_only = dg.define_asset_job(
    name="fetch_only",
    selection=dg.AssetSelection.groups("fetch").without_checks(),
    description="A day of Hub metadata: fetched and sealed; judged by the next build.",
)
