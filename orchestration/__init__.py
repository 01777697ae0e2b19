"""Hub Observatory's pipeline: from the Hub's metadata to a checked publication.

Only `defs/` knows Dagster; `hub`, `snapshots`, `gates` and `publication` are plain
Python that another orchestrator could drive.
"""
