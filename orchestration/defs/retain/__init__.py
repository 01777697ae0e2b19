"""Retain: days that were published are kept small, and kept."""
