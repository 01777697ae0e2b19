"""A Hub on loopback: replays recorded snapshots, generates worlds, injects faults."""

from local_hub.quota import Quota
from local_hub.recorded import Recorded
from local_hub.server import LocalHub, serve

__all__ = ["LocalHub", "Quota", "Recorded", "serve"]
