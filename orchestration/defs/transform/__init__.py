"""Transform: dbt turns sealed snapshots into marts in the private warehouse."""
