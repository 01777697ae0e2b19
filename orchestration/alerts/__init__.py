"""Alerts: what people are told without asking, once each.

What belongs here: the rules that find what is new, the journal that remembers what was told, and
the webhook. When they are asked is `defs/automation`'s; nothing here knows Dagster.
"""
