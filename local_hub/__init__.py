"""A Hub on loopback: replays recorded snapshots, generates worlds, injects faults."""

from local_hub.changes import Change
from local_hub.quota import Quota
from local_hub.recorded import Recorded
from local_hub.server import LocalHub, serve
from local_hub.world.files import write_archive, write_dataset, write_raw
from local_hub.world.named import named_world
from local_hub.world.truth import write_truth
from local_hub.world.world import World

__all__ = [
    "Change",
    "LocalHub",
    "Quota",
    "Recorded",
    "World",
    "named_world",
    "serve",
    "write_archive",
    "write_dataset",
    "write_raw",
    "write_truth",
]
