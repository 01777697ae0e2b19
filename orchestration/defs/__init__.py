"""All that knows Dagster, one folder a stage."""
