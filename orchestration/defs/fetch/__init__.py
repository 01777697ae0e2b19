"""Fetch: the Hub's metadata of a day becomes a sealed, judged snapshot."""
