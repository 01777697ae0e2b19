"""Automation: what runs when, and who is told."""
