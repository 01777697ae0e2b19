"""Publish: the marts become a checked, immutable generation that people read."""
