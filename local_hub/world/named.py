"""The worlds that have a name.

What belongs here: which worlds there are, their sizes, days and disturbances.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from local_hub.world.disturbances import Disturbances, Rollback, Stall
from local_hub.world.world import World
from orchestration.errors import Refusal

LAST_DAY = date(2026, 10, 31)

_NAME = re.compile(r"(?P<kind>[a-z]+)(?::(?P<models>\d+))?(?:x(?P<days>\d+))?")
_MODELS_AND_DAYS = {
    "demo": (20_000, 21),
    "oracle": (3_000, 60),
    "clean": (3_000, 60),
    "scale": (5_000_000, 30),
}
_CURE = (
    f"one of {', '.join(_MODELS_AND_DAYS)}, with other sizes as NAME:MODELSxDAYS "
    "(scale:500000x365, clean:3000, demox30)"
)


def named_world(name: str) -> World:
    """The world called `name`: `demo`, `oracle`, `clean`, `scale`, or `NAME[:MODELS][xDAYS]`.

    All end on 2026-10-31. `demo` has one lost Wednesday, `oracle` everything that goes wrong
    on the Hub, `clean` and `scale` nothing. Refuses other names.
    """
    found = _NAME.fullmatch(name)
    if found is None or found["kind"] not in _MODELS_AND_DAYS:
        raise Refusal(f"there is no world called {name!r}", cure=_CURE)
    models, days = _MODELS_AND_DAYS[found["kind"]]
    models, days = int(found["models"] or models), int(found["days"] or days)
    if not 500 <= models <= 10_000_000 or not 1 <= days <= 1_000:
        raise Refusal(
            f"a world of {models} models and {days} days cannot be drawn",
            cure="ask for 500 to 10,000,000 models and 1 to 1,000 days",
        )
    disturbances = _disturbances(found["kind"], LAST_DAY - timedelta(days=days - 1), days)
    return World(name, models=models, days=days, last_day=LAST_DAY, disturbances=disturbances)


def _disturbances(kind: str, first: date, days: int) -> Disturbances:
    def on(part: float) -> date:
        return first + timedelta(days=round(part * (days - 1)))

    if kind == "demo":
        return Disturbances(stalls=(Stall(on(0.6)),))
    if kind == "oracle":
        return Disturbances(
            stalls=(Stall(on(0.15)), Stall(on(0.35), days=2), Stall(on(0.75), share=0.6)),
            rollbacks=(
                Rollback(on(0.25), days=3, share=0.3, depth=0.05),
                Rollback(on(0.5), days=None, share=0.2, depth=0.02),
                Rollback(on(0.62), days=None, share=0.004, depth=0.9),
                Rollback(on(0.85), days=2, share=0.02, depth=0.3),
            ),
            missing=(on(0.1), on(0.43), on(0.44), on(0.45), on(0.9)),
        )
    return Disturbances()
