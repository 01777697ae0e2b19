"""What can be run as a whole.

What belongs here: which assets and checks are one run. When it runs is said in `schedules`.
"""

from __future__ import annotations

import dagster as dg

from orchestration.defs.fetch.checks import gate_1
from orchestration.defs.fetch.other_repositories import also_crawled, raw_key
from orchestration.defs.publish.assets import publication
from orchestration.defs.publish.served import served_copy
from orchestration.defs.transform.assets import staged, transform, transform_others
from orchestration.snapshots.contract import OTHERS

_others = dg.AssetSelection.assets(*(raw_key(kind) for kind in OTHERS), *transform_others.keys)

# What the job of the others crawls: all of them where none is asked for, as it is started by hand.
other_kinds = also_crawled() or OTHERS

# One day, or a range of an archive, from the Hub to what people read.
daily_observatory = dg.define_asset_job(
    name="daily_observatory",
    selection=dg.AssetSelection.all() - _others,
    description="A day of Hub metadata: fetched, checked, transformed, checked, published.",
)

# What is sealed, built and published again: after a change of models or seeds.
publish_again = dg.define_asset_job(
    name="publish_again",
    selection=dg.AssetSelection.assets(*transform.keys, publication, served_copy)
    | dg.AssetSelection.checks(*gate_1.check_keys, *transform.check_keys),
    description="Build and publish what is sealed already; nothing is fetched.",
)

# Days alone: the demo fetches several before it judges and builds them at once.
fetch_only = dg.define_asset_job(
    name="fetch_only",
    selection=(dg.AssetSelection.groups("fetch") - _others).without_checks(),
    description="A day of Hub metadata: fetched and sealed; judged by the next build.",
)

# A run of its own: what goes wrong with datasets must not hold up what is said of models.
other_repositories = dg.define_asset_job(
    name="other_repositories",
    selection=dg.AssetSelection.assets(*map(raw_key, other_kinds), *map(staged, other_kinds)),
    description="A day of datasets and Spaces: crawled, sealed and staged. "
    "Every day, where OBSERVATORY_ALSO_CRAWL names them.",
)
