"""The annotation page's routes: who may call, what is refused, and what nobody is told."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.annotation_study import small_study

from evaluation.study import Study
from serving.annotation.app import create_annotation_app
from serving.http.hub_routes import HUB_DIR
from state.http import HttpSettings

BASE = "/v1/annotation"


def client(study: Study, address: str = "127.0.0.1", base_url: str = "http://localhost", **http: Any) -> Any:
    app = create_annotation_app(study, HttpSettings(**http))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 5000))
    return httpx.AsyncClient(transport=transport, base_url=base_url)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return small_study(tmp_path / "study")


def new(study: Study, **changes: Any) -> dict[str, Any]:
    return {"item": study.items[0].id, "question": "title_on_brand", "answer": "yes", **changes}


async def test_answers_are_counted_and_the_first_open_item_is_where_to_go_on(study: Study) -> None:
    async with client(study) as http:
        asked = (await http.get(BASE)).json()
        assert [question["name"] for question in asked["questions"]] == list(study.items[0].questions)
        assert "at least 3" in asked["questions"][2]["text"]
        for question in study.items[0].questions:
            answer = await http.post(f"{BASE}/ann/answers", json=new(study, question=question))
            assert answer.status_code == 201
        mine = (await http.get(f"{BASE}/ann")).json()
        assert (mine["answered"], mine["resume"], mine["progress"]["answered"]) == ([4, 0], 1, 4)
        other = (await http.get(f"{BASE}/bob/items/0")).json()
        assert other["answers"] == {}
        taken = (await http.post(f"{BASE}/ann/undo")).json()
        assert taken == {"number": 0, "question": "products_match"}
        assert (await http.post(f"{BASE}/bob/undo")).json() == {"number": None, "question": None}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"question": "cohesive"}, 422),
        ({"question": "pretty"}, 422),
        ({"answer": "withdrawn"}, 422),
        ({"item": "0123456789ab"}, 422),
        ({"item": "../../keys"}, 422),
        ({"misfits": [1]}, 422),
        ({"question": "products_match", "misfits": [40]}, 422),
        ({"question": "products_match", "misfits": [-1]}, 422),
        ({"comment": "x" * 501}, 422),
        ({"annotator": "bob"}, 422),
    ],
)
async def test_what_is_no_answer_here_is_refused_and_not_stored(
    study: Study, changes: dict[str, Any], status: int
) -> None:
    async with client(study) as http:
        answer = await http.post(f"{BASE}/ann/answers", json=new(study, **changes))
    assert answer.status_code == status
    assert not (study.folder / "answers").exists()


@pytest.mark.parametrize("name", ["eve", "..", "%2e%2e", "..%2F..%2Fstudy", "ann%2F..%2Fbob", "ann%00", "ANN"])
async def test_who_does_not_annotate_here_is_unknown_and_gets_no_file(study: Study, name: str) -> None:
    before = sorted(study.folder.rglob("*"))
    async with client(study) as http:
        for answer in (
            await http.get(f"{BASE}/{name}/items/0"),
            await http.post(f"{BASE}/{name}/answers", json=new(study)),
            await http.post(f"{BASE}/{name}/undo"),
        ):
            assert answer.status_code in (404, 405)
    assert sorted(study.folder.rglob("*")) == before


async def test_pages_of_other_origins_and_other_machines_cannot_answer(study: Study) -> None:
    async with client(study) as http:
        foreign = await http.post(
            f"{BASE}/ann/answers", json=new(study), headers={"Origin": "https://elsewhere.example"}
        )
        rebound = await http.post(f"{BASE}/ann/answers", json=new(study), headers={"Host": "elsewhere.example"})
        own = await http.post(f"{BASE}/ann/answers", json=new(study), headers={"Origin": "http://localhost"})
    async with client(study, "192.0.2.7") as http:
        far = await http.get(BASE)
    assert [answer.status_code for answer in (foreign, rebound, own, far)] == [403, 403, 201, 403]
    assert len(study.standing("ann")) == 1


async def test_where_keys_are_set_one_is_needed(study: Study) -> None:
    key = {"name": "people", "sha256": hashlib.sha256(b"swk_1").hexdigest(), "scopes": ["read", "write"]}
    async with client(study, keys=[key]) as http:
        assert (await http.get(BASE)).status_code == 401
        answer = await http.post(f"{BASE}/ann/answers", json=new(study), headers={"Authorization": "Bearer swk_1"})
        assert answer.status_code == 201


async def test_the_page_lets_nothing_foreign_in_and_an_item_beyond_the_last_is_not_there(study: Study) -> None:
    async with client(study) as http:
        page = await http.get("/")
        beyond = [(await http.get(f"{BASE}/ann/items/{number}")).status_code for number in ("2", "-1", "x")]
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "annotate.js" in page.text
    assert beyond == [404, 422, 422]


async def test_the_page_asks_for_every_module_that_it_needs_and_no_other(study: Study) -> None:
    needed: set[str] = set()
    waiting = ["annotate.js"]
    while waiting:
        module = waiting.pop()
        if module not in needed:
            needed.add(module)
            text = (HUB_DIR / "static" / module).read_text(encoding="utf-8")
            waiting += re.findall(r'from "\./([\w-]+\.js)"', text)
    async with client(study) as http:
        page = (await http.get("/")).text
        assert {*re.findall(r'"/static/([\w-]+\.js)"', page)} == needed
        for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
            assert (await http.get(address)).status_code == 200


async def test_a_damaged_file_of_answers_is_an_error_that_names_no_path(study: Study) -> None:
    file = study.folder / "answers" / "ann.jsonl"
    file.parent.mkdir()
    file.write_text("{not an answer}\n{}\n")
    async with client(study) as http:
        answer = await http.get(f"{BASE}/ann")
        other = await http.get(f"{BASE}/bob")
    assert (answer.status_code, other.status_code) == (503, 200)
    assert "ann.jsonl" not in answer.text
