"""The commands of `observatory`, a file for what belongs together; `cli.py` puts them in order."""
