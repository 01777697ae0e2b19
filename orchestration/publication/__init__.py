"""Generations: built in private, verified, shown all at once, kept for going back.

A generation is a folder: one DuckDB file, Parquet twins, a manifest, the dashboard. Readers
follow the symlink `current`, which is moved last.
"""
