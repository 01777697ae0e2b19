"""`make superset`: Superset on loopback over what `OBSERVATORY_HOME` publishes, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys

from deploy.superset.bundle import SLUG, bundle
from deploy.superset.provision import provision
from deploy.superset.server import USER, serving
from orchestration.defs.transform.project import ensure_manifest
from orchestration.errors import Refusal
from orchestration.home import Home, Universe
from orchestration.publication.generation import read_manifest
from orchestration.reporting import published_folder


def main() -> None:
    """Serve and provision; say where, and with which login."""
    parser = argparse.ArgumentParser(prog="python -m deploy.superset", description=__doc__)
    parser.add_argument("--port", type=int, default=8088)
    arguments = parser.parse_args()
    home = Home.from_environment()
    # Told to end, it ends Superset first, as for Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        packed = bundle_of(home)
        print("starting Superset; the first time it makes its own database, a minute or two")
        with serving(home, arguments.port) as server:
            changed = provision(home, server, packed)
            print("provisioned" if changed else "provisioned before, nothing to change")
            print(f"{server.address}/superset/dashboard/{SLUG}/   until Ctrl-C")
            print(f"user {USER}, password in {home.root / 'superset' / 'password'}", flush=True)
            signal.pause()
    except Refusal as refusal:
        sys.exit(f"refused: {refusal}")
    except KeyboardInterrupt:
        print("ended")


def bundle_of(home: Home) -> bytes:
    """What is to be seen of the current publication; a Refusal where there is none."""
    universe = read_manifest(published_folder(home))["universe"]
    manifest = ensure_manifest()
    return bundle(
        home,
        Universe(universe["kind"], universe["name"]),
        manifest,
        manifest.with_name("semantic_manifest.json"),
    )


if __name__ == "__main__":
    main()
