"""``shelfwise serve`` on real data and weights: pages at once, generation behind, an orderly end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.studio import free_port

from catalog.warehouse import Warehouse
from state.settings import child_environment, load_settings

pytestmark = [pytest.mark.service, pytest.mark.model]
LINKED = ("models", "catalog", "corpus", "products")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    home, log = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("log") / "server.log"
    for name in LINKED:
        (home / name).symlink_to(load_settings().home / name)
    port = free_port()
    environment = child_environment(SHELFWISE_HOME=str(home), SHELFWISE_PAGE__THEMES="2")
    command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port), "--demo"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, process, log)
            yield url, process
        finally:
            process.kill()
            process.wait()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/health/ready", timeout=60).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise RuntimeError(f"the server did not get ready:\n{log.read_text()[-3000:]}")


def test_a_page_is_there_at_once_and_a_generated_one_soon(server: tuple[str, subprocess.Popen[bytes]]) -> None:
    warehouse = Warehouse.open(load_settings())
    shopper = warehouse.shopper_ids()[0]
    with httpx.Client(base_url=server[0], timeout=300) as client:
        first = client.get(f"/v1/pages/{shopper}").json()
        assert first["fallback"]
        assert first["regenerating"]
        events = []
        with client.stream("GET", f"/v1/pages/{shopper}/events") as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    events.append(json.loads(line[6:]))
        assert events[0]["event"] == "shopper_loaded"
        assert events[-1]["state"] == "fresh", events[-1]
        answer = client.get(f"/v1/pages/{shopper}")
        page = answer.json()
    shown = [tile["id"] for row in page["placements"] for tile in row["products"]]
    assert answer.headers["x-shelfwise-state"] in ("fresh", "stale")
    assert not page["provisional"]
    assert shown
    assert len(shown) == len(set(shown))
    assert warehouse.existing_ids(shown) == set(shown)


def test_search_finds_products_of_the_catalogue(server: tuple[str, subprocess.Popen[bytes]]) -> None:
    found = httpx.get(f"{server[0]}/v1/search", params={"q": "organic bananas"}, timeout=300).json()
    assert any("banana" in tile["name"].casefold() for tile in found["products"][:5])


def test_the_server_ends_with_its_generation_process(server: tuple[str, subprocess.Popen[bytes]]) -> None:
    process = server[1]
    children = _children(process.pid)
    assert children
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) in (0, -signal.SIGTERM)
    end = time.monotonic() + 30
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < end:
        time.sleep(0.1)
    assert not [child for child in children if Path(f"/proc/{child}").exists()]


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return [child for child in found if os.path.exists(f"/proc/{child}")]
