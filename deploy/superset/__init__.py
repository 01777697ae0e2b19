"""Apache Superset over the published mart: `make superset`.

What belongs here: the server on loopback, and what is provisioned in it. What the columns and
metrics mean is dbt's to say. Superset has an environment of its own; only `superset_config.py`
runs in it.
"""
