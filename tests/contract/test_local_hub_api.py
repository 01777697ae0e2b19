"""The local Hub as the unmodified huggingface_hub client sees it."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pandas as pd
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import parse_ratelimit_headers

from local_hub import LocalHub, Quota, Recorded, World, named_world, serve
from orchestration.errors import Refusal

HTTP = httpx2.Client(timeout=5)
DEFAULT_DATE = "2022-03-02T23:29:04.000Z"
DAYS = (date(2026, 8, 19), date(2026, 8, 20))


def record(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"org-{number % 5}/model-{number}",
        "author": f"org-{number % 5}",
        "createdAt": DEFAULT_DATE
        if number % 3 == 0
        else f"2026-0{number % 7 + 1}-03T04:05:06.000Z",
        "lastModified": "2026-08-01T00:00:00.000Z",
        "downloads": number * 10,
        "likes": number % 4,
        "trendingScore": number % 7,
        "gated": "auto" if number % 10 == 1 else False,
        "private": False,
        "tags": ["text-generation", f"license:{'mit' if number % 2 else 'other'}"],
        "pipeline_tag": "text-generation" if number % 4 else None,
        "safetensors": {"total": 1000} if number % 6 == 0 else None,
    } | more


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,500 models on the first day as .ndjson.gz, 2,600 on the second as .parquet."""
    folder = tmp_path_factory.mktemp("snapshots")
    lines = [json.dumps(record(n)) for n in range(2_500)]
    with gzip.open(folder / f"{DAYS[0]}.ndjson.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    rows = pd.DataFrame(
        [record(n, author_type="user" if n % 5 == 4 else "org") for n in range(2_600)]
    )
    rows["gated"] = rows["gated"].map(lambda value: str(value).lower())
    rows.to_parquet(folder / f"{DAYS[1]}.parquet")
    return folder


@pytest.fixture(scope="module")
def hub(snapshots: Path) -> Iterator[LocalHub]:
    with LocalHub(Recorded(snapshots, panel="little"), date=DAYS[0]) as running:
        yield running


@pytest.fixture
def api(hub: LocalHub) -> HfApi:
    hub.set_date(DAYS[0])
    return HfApi(endpoint=hub.endpoint, token=False)


@pytest.mark.parametrize(
    "sort", ["created_at", "downloads", "last_modified", "likes", "trending_score"]
)
def test_every_sort_lists_every_model_once(api: HfApi, sort: Any) -> None:
    ids = [model.id for model in api.list_models(sort=sort)]
    assert len(ids) == 2_500
    assert len(set(ids)) == 2_500


def test_listings_come_in_descending_order(api: HfApi) -> None:
    downloads = [model.downloads or 0 for model in api.list_models(sort="downloads")]
    assert downloads == sorted(downloads, reverse=True)
    created = [m.created_at for m in api.list_models(sort="created_at", expand=["createdAt"])]
    assert all(a >= b for a, b in pairwise(created) if a and b)


def test_direction_turns_the_order(hub: LocalHub) -> None:
    found = HTTP.get(f"{hub.endpoint}/api/models?sort=downloads&direction=1&limit=3").json()
    assert [item["downloads"] for item in found] == [0, 10, 20]


def test_author_search_and_filter_narrow_the_listing(api: HfApi) -> None:
    assert len(list(api.list_models(author="org-3"))) == 500
    assert list(api.list_models(author="ORG-3")) == []
    assert len(list(api.list_models(search="MODEL-249"))) == 11
    assert len(list(api.list_models(filter="license:mit"))) == 1_250
    assert len(list(api.list_models(filter=["license:mit", "absent"]))) == 0
    assert len(list(api.list_models(gated=True))) == 250
    assert len(list(api.list_models(pipeline_tag="text-generation", limit=7))) == 7


def test_only_expanded_fields_are_sent(hub: LocalHub, api: HfApi) -> None:
    url = f"{hub.endpoint}/api/models?limit=3&expand=downloads&expand[]=gated"
    assert all(set(item) == {"id", "downloads", "gated"} for item in HTTP.get(url).json())
    default = HTTP.get(f"{hub.endpoint}/api/models?limit=100").json()
    assert not any({"author", "sha", "lastModified", "gated"} & set(item) for item in default)
    assert next(iter(api.list_models(full=True, limit=1))).author is not None
    assert next(iter(api.list_models(limit=1))).gated is None


def test_what_was_not_recorded_is_absent(hub: LocalHub, api: HfApi) -> None:
    one = HTTP.get(f"{hub.endpoint}/api/models/org-1/model-1").json()
    assert not {"_id", "downloadsAllTime", "safetensors"} & set(one)
    assert api.model_info("org-1/model-6").safetensors is not None


@pytest.mark.parametrize(
    "question",
    ["sort=trending", "expand=baseModels", "expand=downloads&full=true", "cursor=nonsense",
     "limit=0", "limit=many", "apps=ollama"],
)  # fmt: skip
def test_bad_questions_are_answered_with_400(hub: LocalHub, question: str) -> None:
    answer = HTTP.get(f"{hub.endpoint}/api/models?{question}")
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_client_sees_bad_questions_as_bad_requests(api: HfApi) -> None:
    sort: Any = "trending"
    with pytest.raises(BadRequestError):
        list(api.list_models(sort=sort))
    with pytest.raises(BadRequestError):
        list(api.list_models(expand=["baseModels"]))


def test_what_is_not_there_is_404(api: HfApi) -> None:
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("org-1/absent")
    for ask in (api.get_organization_overview, api.get_user_overview):
        with pytest.raises(HfHubHTTPError) as refused:
            ask("org-1")
        assert refused.value.response.status_code == 404


def test_owners_are_known_where_recorded(hub: LocalHub, api: HfApi) -> None:
    hub.set_date(DAYS[1])
    organization = api.get_organization_overview("org-1")
    assert (organization.name, organization.num_models) == ("org-1", 520)
    assert api.get_user_overview("org-4").username == "org-4"
    with pytest.raises(HfHubHTTPError):
        api.get_user_overview("org-1")


def test_the_hub_plays_the_day_it_is_told(hub: LocalHub, api: HfApi) -> None:
    assert len(list(api.list_models())) == 2_500
    hub.set_date(DAYS[1])
    models = list(api.list_models(expand=["gated", "createdAt"]))
    assert len(models) == 2_600
    assert {model.gated for model in models} == {False, "auto"}
    with pytest.raises(Refusal, match="nothing is recorded for 2026-08-21"):
        hub.set_date(date(2026, 8, 21))


def test_time_runs_on_past_midnight(snapshots: Path) -> None:
    almost = datetime(2026, 8, 19, 23, 59, 59, 500_000, tzinfo=UTC)
    with LocalHub(snapshots, date=almost) as hub:
        first = HTTP.get(f"{hub.endpoint}/api/models?limit=1")
        assert parsedate_to_datetime(first.headers["Date"]).date() == DAYS[0]
        deadline = datetime.now() + timedelta(seconds=5)
        while hub.stage.clock.now().date() == DAYS[0] and datetime.now() < deadline:
            pass
        second = HfApi(endpoint=hub.endpoint, token=False).list_models()
        assert len(list(second)) == 2_600


def test_every_response_tells_universe_date_and_quota(hub: LocalHub) -> None:
    hub.set_date(DAYS[0])
    for path in (
        "/api/models?limit=1",
        "/api/models/none/such",
        "/local-hub/organizations.csv",
        "/x",
    ):
        headers = HTTP.get(hub.endpoint + path).headers
        assert headers["X-Hub-Universe"] == "panel little"
        assert parsedate_to_datetime(headers["Date"]).date() == DAYS[0]
    assert parse_ratelimit_headers(HTTP.get(f"{hub.endpoint}/api/models?limit=1").headers)


def test_past_the_quota_there_is_429(snapshots: Path) -> None:
    with LocalHub(snapshots, quota=Quota(anonymous=3, token=5, window=300)) as hub:
        url = f"{hub.endpoint}/api/models?limit=1"
        assert [HTTP.get(url).status_code for _ in range(4)] == [200, 200, 200, 429]
        told = parse_ratelimit_headers(HTTP.get(url).headers)
        assert told is not None
        assert (told.remaining, told.limit, told.window_seconds) == (0, 3, 300)
        assert 0 < told.reset_in_seconds <= 300
        token = {"Authorization": "Bearer hf_some"}
        left = [parse_ratelimit_headers(HTTP.get(url, headers=token).headers) for _ in range(2)]
        assert [info.remaining for info in left if info] == [4, 3]


def test_quota_comes_back_with_the_next_window() -> None:
    now = [0.0]
    quota = Quota(anonymous=1, window=10, clock=lambda: now[0])
    assert [quota.spend(None).granted for _ in range(2)] == [True, False]
    now[0] = 10.0
    assert quota.spend(None).granted


def test_a_generated_world_is_served_like_any_hub() -> None:
    world = named_world("oracle")
    with LocalHub(world) as hub:
        api = HfApi(endpoint=hub.endpoint, token=False)
        listed = list(api.list_models(sort="created_at", expand=["downloadsAllTime", "tags"]))
        assert (
            len({model.id for model in listed}) == len(listed) == len(world.rows(world.dates[-1]))
        )
        answer = HTTP.get(f"{hub.endpoint}/local-hub/organizations.csv")
        assert answer.headers["X-Hub-Universe"] == "world oracle"
        assert answer.text.splitlines()[0].startswith("organization,canonical_organization,country")
        name = world.organizations()["organization"][0]
        assert api.get_organization_overview(name).name == name
        individual = world.owners.names[world.owners.organizations]
        assert api.get_user_overview(individual).username == individual


def test_old_names_lead_to_the_new_ones(oracle: World) -> None:
    with LocalHub(oracle) as hub:
        api = HfApi(endpoint=hub.endpoint, token=False)
        moved = oracle.events.organizations[0]
        model = next(iter(api.list_models(author=moved.name, limit=1)))
        before = model.id.replace(moved.name, oracle.owners.names[moved.owner])
        assert api.model_info(before).id == model.id


@pytest.fixture(scope="module")
def oracle() -> World:
    return named_world("oracle")


def test_deleted_models_are_404(oracle: World) -> None:
    first, last = oracle.dates[0], oracle.dates[-1]
    deleted = np.setdiff1d(oracle.rows(first), oracle.rows(last))[:1]
    name = oracle.texts(last).ids(deleted)[0].as_py()
    with LocalHub(oracle, date=first) as hub:
        api = HfApi(endpoint=hub.endpoint, token=False)
        assert api.model_info(oracle.texts(first).ids(deleted)[0].as_py()).downloads is not None
        hub.set_date(last)
        with pytest.raises(RepositoryNotFoundError):
            api.model_info(name)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("2026-08-19.ndjson", b'{"id": "a/b"}\n{"id": ', "row 2"),
        ("2026-08-19.ndjson.gz", b"this is no gzip", "no whole gzip"),
        (
            "2026-08-19.ndjson.gz",
            gzip.compress(b'{"id": "a/b"}\n' * 9, mtime=0)[:-9],
            "no whole gzip",
        ),
        ("2026-08-19.parquet", b"this is no parquet", "cannot be read"),
        ("2026-13-45.ndjson", b'{"id": "a/b"}\n', "is no date"),
        ("undated.ndjson", b'{"id": "a/b"}\n', "is no date"),
        ("notes.txt", b"nothing", "no dated snapshot"),
    ],
)
def test_what_cannot_be_played_is_refused(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Refusal, match=problem) as refused, LocalHub(tmp_path):
        pass
    assert "Cure:" in str(refused.value)


def test_serving_needs_exactly_one_kind_of_content(tmp_path: Path) -> None:
    for arguments in ({}, {"snapshots": tmp_path, "world": "demo"}):
        with pytest.raises(Refusal, match="either"):
            serve(**arguments)  # type: ignore[arg-type]
    for world in ("nowhere", "demo:3", "demo:20000x0", "scale:99999999"):
        with pytest.raises(Refusal):
            serve(world=world)
    with pytest.raises(Refusal, match="no such file or folder"):
        serve(snapshots=tmp_path / "absent")


def test_serving_ends_with_an_interrupt() -> None:
    code = "from local_hub import serve; serve(world='clean:500x1', port=0)"
    command = [sys.executable, "-u", "-c", code]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell's background job ignores interrupts, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        endpoint = process.stdout.readline().decode().strip().removeprefix("HF_ENDPOINT=")
        answer = HTTP.get(f"{endpoint}/api/models?limit=1")
        assert answer.headers["X-Hub-Universe"] == "world clean:500x1"
        assert "q=500;w=300" in answer.headers["RateLimit-Policy"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == b""


def test_a_port_in_use_is_refused(hub: LocalHub, snapshots: Path) -> None:
    with pytest.raises(Refusal, match=f"port {hub.port} cannot be used"):
        LocalHub(snapshots, port=hub.port)


SHARED = Path(__file__).resolve().parents[3] / "shared" / "hub"


@pytest.mark.skipif(not SHARED.exists(), reason=f"the recorded Hub metadata is not at {SHARED}")
def test_recorded_hub_metadata_is_served_whole() -> None:
    with LocalHub(SHARED / "snapshots", date=date(2026, 8, 22)) as hub:
        models = list(HfApi(endpoint=hub.endpoint, token=False).list_models(sort="created_at"))
        assert len({model.id for model in models}) == 15_156
        assert sum(model.downloads or 0 for model in models) == 911_022_508
    with LocalHub(SHARED / "archive_feature_extraction_daily.parquet") as hub:
        api = HfApi(endpoint=hub.endpoint, token=False)
        ids = {model.id for model in api.list_models(sort="created_at")}
        assert len(hub.stage.content.dates) == 721
        assert len(ids) == len(hub.stage.day()) > 80
        assert api.get_organization_overview("nomic-ai").num_models == 3
