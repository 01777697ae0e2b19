"""What is believed of a page, without a Hub."""

from __future__ import annotations

from pathlib import Path

import duckdb
import httpx2
import pyarrow as pa
import pytest

from orchestration.home import Universe
from orchestration.hub.client import Answer, HubClient
from orchestration.hub.pages import LISTINGS, Page, Position, limit_of, read_page, with_limit
from orchestration.hub.patience import Nonsense

PANEL = Universe("panel", "test")


def page(body: bytes, universe: Universe = PANEL, link: str | None = None) -> Page:
    headers = httpx2.Headers({"link": link} if link else {})
    answer = Answer(LISTINGS["hub_models"].first, 200, headers, body)
    return read_page(answer, HubClient("http://hub", token=False), universe, before=Position())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'[{"id": "a/b", "tags": ["\\ud800"]}]', "?"),
        (b'[{"id": "a/b", "tags": ["\xff"]}]', "\N{REPLACEMENT CHARACTER}"),
        (b'[{"id": "a/b", "tags": ["\\ud83d\\ude00"]}]', "\N{GRINNING FACE}"),
        (b'[{"id": "a/b", "tags": ["x"], "trendingScore": NaN}]', "x"),
    ],
    ids=["lone surrogate", "no UTF-8", "surrogate pair", "NaN"],
)
def test_one_unreadable_text_does_not_stop_the_crawl(
    tmp_path: Path, body: bytes, expected: str
) -> None:
    found = page(body)
    assert found.keys == ["a/b"]
    file = tmp_path / "page.json.zst"
    file.write_bytes(pa.Codec("zstd").compress(found.body, asbytes=True))
    read = f"read_json_objects('{file}', format = 'array', compression = 'zstd')"
    assert duckdb.sql(f"select json->>'$.tags[0]' from {read}").fetchall() == [(expected,)]


def test_a_page_is_kept_as_it_came() -> None:
    body = b'[ {"id":"a/b" , "downloads" : 1e2},\n{"modelId": "gpt2", "new field": [1, {}]} ]'
    found = page(body)
    assert found.body is body
    assert found.keys == ["a/b", "gpt2"]


def test_identity_is_the_hubs_id_where_there_is_one() -> None:
    assert page(b'[{"_id": "66f0", "id": "a/b"}, {"id": 7}]').keys == ["66f0", ""]


@pytest.mark.parametrize(
    ("created", "is_sorted"),
    [
        (["2024-01-02T00:00:00.000Z", "2024-01-01T00:00:00.000Z"], True),
        (["2024-01-01T00:00:00.000Z", "2024-01-02T00:00:00.000Z"], False),
        (["2022-03-02T23:29:04.500Z", "2022-03-02T23:29:04Z"], True),
        (["2022-03-02T23:29:04Z", "2022-03-02T23:29:04.000Z"], True),
        (["2024-01-02T00:00:00.000Z", None, "2024-01-01T00:00:00.000Z"], True),
        ([None, None], True),
    ],
)
def test_order_is_by_time_not_by_text(created: list[str | None], is_sorted: bool) -> None:
    rows = [f'{{"id": "a/{n}", "createdAt": "{at}"}}' for n, at in enumerate(created)]
    body = f"[{', '.join(rows)}]".replace('"None"', "null").encode()
    if is_sorted:
        assert len(page(body).keys) == len(created)
    else:
        with pytest.raises(Nonsense, match="not sorted"):
            page(body)


def test_on_the_real_hub_every_page_has_dates() -> None:
    with pytest.raises(Nonsense, match="createdAt"):
        page(b'[{"id": "a/b"}]', Universe("hub"))
    assert page(b'[{"id": "a/b"}, {"id": "a/c", "createdAt": "2024-01-01"}]', Universe("hub"))


def test_a_link_is_followed_only_within_its_question() -> None:
    first = LISTINGS["hub_models"].first
    body = b'[{"id": "a/b", "createdAt": "2024-01-01"}]'
    assert page(body).next is None
    # The Hub may write `expand[]`, in another order; a proxy may spell out the port.
    following = first.replace("expand=", "expand[]=") + "&cursor=abc"
    assert page(body, link=f'<http://HUB:80{following}>; rel="next"').next == following
    assert page(body, link=f'<{following}>; rel="next"').next == following
    for wrong in (
        f"https://hub{following}",
        f"http://hub:8080{following}",
        f"http://hub.example{following}",
        f"//elsewhere{following}",
        f"http://hub@elsewhere{following}",
        "http://hub/api/models?cursor=abc",
        f"http://hub{following.replace('createdAt', 'likes')}",
    ):
        with pytest.raises(Nonsense):
            page(body, link=f'<{wrong}>; rel="next"')


def test_the_size_of_a_page_can_be_changed_alone() -> None:
    first = LISTINGS["hub_models"].first
    assert limit_of(first) == 1000
    assert with_limit(first, 7) == first.replace("limit=1000", "limit=7")
    assert limit_of(with_limit(first, 7)) == 7
