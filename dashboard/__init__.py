"""The static site that is written with every publication."""
