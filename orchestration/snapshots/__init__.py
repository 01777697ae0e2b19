"""Raw snapshots on disk: their contract, how records enter, how a day is sealed and read."""
