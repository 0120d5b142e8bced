"""What the hub's routes hand out: pages under a strict policy, every file that they name, and nothing else."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.http.hub_routes import HUB_DIR, STATIC, HubFiles, hub_router
from serving.tile_art import symbols

FILES = HUB_DIR / "static"
MODULES = sorted(FILES.glob("*.js"))


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    app.include_router(hub_router())
    app.mount(STATIC, HubFiles())
    return TestClient(app)


class Named(HTMLParser):
    """Collects what a page names, what it holds in place of naming it, and its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: set[str] = set()
        self.attributes: set[str] = set()
        self.inline: list[str] = []
        self._within = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {value for name, value in attrs if name in ("src", "href") and value and tag != "a"}

    def handle_data(self, data: str) -> None:
        if self._within in ("script", "style") and data.strip():
            self.inline.append(data)


@pytest.mark.parametrize("path", ["/", "/operator"])
def test_a_page_runs_only_our_own_files(client: TestClient, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    page = Named(answer.text)
    assert page.inline == []
    assert not {name for name in page.attributes if name.startswith("on") or name == "style"}
    assert page.addresses
    for address in page.addresses - {"#main"}:
        assert address.startswith(f"{STATIC}/")
        assert client.get(address).status_code == 200


@pytest.mark.parametrize(("path", "entry"), [("/", "hub.js"), ("/operator", "operator.js")])
def test_every_module_is_asked_for_at_once_and_no_other(client: TestClient, path: str, entry: str) -> None:
    needed: set[str] = set()
    waiting = [entry]
    while waiting:
        module = waiting.pop()
        if module not in needed:
            needed.add(module)
            waiting += re.findall(r'from "\./([\w-]+\.js)"', (FILES / module).read_text(encoding="utf-8"))
    named = {Path(address).name for address in Named(client.get(path).text).addresses if address.endswith(".js")}
    assert named == needed


def test_files_carry_their_type_and_the_policy(client: TestClient) -> None:
    script = client.get(f"{STATIC}/hub.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["x-content-type-options"] == "nosniff"
    assert client.get(f"{STATIC}/art.svg").headers["content-security-policy"].startswith("default-src 'none'")
    again = client.get(f"{STATIC}/hub.js", headers={"If-None-Match": script.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path", ["../templates/hub.html", "%2e%2e/templates/hub.html", "..%2f..%2fhtml.py", "/etc/passwd", ""]
)
def test_nothing_outside_the_folder_is_handed_out(client: TestClient, path: str) -> None:
    assert client.get(f"{STATIC}/{path}").status_code in (404, 405)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_no_module_can_turn_text_into_markup(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser", text
    )
    assert "https://" not in text


def test_the_table_of_drawings_names_symbols_that_exist() -> None:
    table = json.loads((FILES / "art.json").read_text(encoding="utf-8"))
    used = {shelf["symbol"] for shelf in table["departments"].values()}
    used |= {*table["aisles"].values(), *table["produce_words"].values(), *table["symbol_hues"]}
    assert used == set(symbols())
