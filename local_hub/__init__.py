"""A Hub on loopback: replays recorded snapshots, generates worlds, injects faults."""
