"""A Hub on loopback: replays recorded snapshots, generates worlds, injects faults."""

from local_hub.quota import Quota
from local_hub.recorded import Recorded
from local_hub.server import LocalHub, serve
from local_hub.world.named import named_world
from local_hub.world.world import World

__all__ = ["LocalHub", "Quota", "Recorded", "World", "named_world", "serve"]
