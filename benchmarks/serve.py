"""Load test of the HTTP API: cached pages at a constant rate over loopback, alone and with generation beside it.

    PYTHONPATH=. python benchmarks/serve.py --rate 200 --seconds 20

Starts ``shelfwise serve`` on a copy of the settings' home (weights, catalogue and corpus are linked), with a page in
the store for each of ``--shoppers`` shoppers. Requests are sent when they are due (Poisson arrivals, open loop) and
timed from when they were due until the last byte: a server that stalls is charged for all who wait meanwhile.
Exit code 1 when a request failed; the time decides nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx

from catalog.warehouse import Warehouse
from graph.fallback_page import fallback_placements
from serving.page_cache import open_page_cache
from serving.present import present_versions
from state.placement import Page, Status, Versions
from state.settings import Settings, child_environment, load_settings
from tools.shopper import ShopperContextTool

CONNECTIONS = 64
LINKED = ("models", "catalog", "corpus", "products")
Connections = asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None]


@dataclass
class Load:
    """What one run of requests measured: milliseconds until answered, states and errors."""

    times_ms: list[float] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    server_cpu_s: float = 0.0

    def at(self, share: float) -> float:
        times = sorted(self.times_ms)
        return times[min(len(times) - 1, int(share * len(times)))] if times else float("nan")


def seed_pages(settings: Settings, count: int) -> list[str]:
    """Store pages of the usual size (made by rules: who wrote a page changes nothing in serving it)."""
    warehouse = Warehouse.open(settings)
    shoppers = ShopperContextTool(warehouse)
    known = warehouse.shopper_ids()
    ids = [known[at * len(known) // min(count, len(known))] for at in range(min(count, len(known)))]
    versions = dict.fromkeys(Versions.model_fields, "unknown") | dict(present_versions(settings).versions)

    async def store() -> None:
        async with open_page_cache(settings) as cache:
            for shopper_id in ids:
                shopper = shoppers.load(shopper_id)
                made = fallback_placements(warehouse, shopper, settings.page.products_per_placement)
                kept = [placement.model_copy(update={"status": Status.KEPT}) for placement in made]
                page = Page(shopper_id=shopper_id, persona="", placements=kept, versions=Versions(**versions))
                await cache.write(page)

    asyncio.run(store())
    warehouse.close()
    return ids


@contextmanager
def serving(home: Path, log: Path, warm_s: float) -> Iterator[tuple[str, int, subprocess.Popen[bytes]]]:
    """Yield host, port and process of a server on ``home``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    limits = {"SHELFWISE_HTTP__REQUESTS_PER_S": "100000", "SHELFWISE_HTTP__BURST": "100000"}
    limits["SHELFWISE_HTTP__REGENERATIONS_PER_MINUTE"] = "100000"
    limits["SHELFWISE_HTTP__WARM_S"] = str(warm_s)
    command = [sys.executable, "-m", "cli.main", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=child_environment(SHELFWISE_HOME=str(home), **limits), stdout=output, stderr=output
        )
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}/health/ready", process, log)
            yield "127.0.0.1", port, process
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path, patience_s: float = 180.0) -> None:
    end = time.monotonic() + patience_s
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise SystemExit(f"the server did not get ready:\n{log.read_text()[-3000:]}")


async def drive(host: str, port: int, ids: Sequence[str], rate: float, seconds: float, seed: int = 7) -> Load:
    """Send requests at ``rate`` a second and time each from when it was due."""
    load, draw = Load(), random.Random(seed)
    free: Connections = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(None)
    started = time.perf_counter()
    due, tasks = started, []
    while due < started + seconds:
        if (ahead := due - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        tasks.append(asyncio.create_task(_ask(free, host, port, draw.choice(ids), due, load)))
        due += draw.expovariate(rate)
    await asyncio.gather(*tasks)
    load.seconds = time.perf_counter() - started
    while not free.empty():
        if (connection := free.get_nowait()) is not None:
            connection[1].close()
    return load


async def _ask(free: Connections, host: str, port: int, shopper_id: str, due: float, load: Load) -> None:
    connection = await free.get()
    try:
        async with asyncio.timeout(10):
            reader, writer = connection or await asyncio.open_connection(host, port)
            connection = reader, writer
            writer.write(f"GET /v1/pages/{quote(shopper_id, safe='')} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            await reader.readexactly(int(fields["content-length"]))
        load.times_ms.append(1000 * (time.perf_counter() - due))
        status = head.split(" ", 2)[1]
        if status != "200":
            load.errors[status] += 1
        load.states[fields.get("x-shelfwise-state", "none")] += 1
    except (OSError, EOFError, TimeoutError, KeyError, ValueError) as error:
        load.errors[type(error).__name__] += 1
        connection = None
    finally:
        free.put_nowait(connection)


def cpu_seconds(pid: int) -> float:
    """Return the processor time of one process so far, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    host: str, port: int, process: subprocess.Popen[bytes], ids: Sequence[str], rate: float, seconds: float
) -> Load:
    """Return one run, with the processor time that the server took for it."""
    before = cpu_seconds(process.pid)
    load = asyncio.run(drive(host, port, ids, rate, seconds))
    load.server_cpu_s = cpu_seconds(process.pid) - before
    return load


def keep_generating(base: str, ids: Sequence[str], client: httpx.Client) -> None:
    """Ask for the pages of ``ids`` to be made again, and wait until the first is under way."""
    for shopper_id in ids:
        client.post(f"{base}/v1/pages/{quote(shopper_id, safe='')}/regenerate").raise_for_status()
    end = time.monotonic() + 120
    with client.stream("GET", f"{base}/v1/pages/{quote(ids[0], safe='')}/events", timeout=120) as events:
        for line in events.iter_lines():
            if "keywords_written" in line or "page_designed" in line or time.monotonic() > end:
                return


def row(name: str, load: Load) -> str:
    """Return one row of the table."""
    answered = len(load.times_ms)
    cpu = 1000 * load.server_cpu_s / max(answered, 1)
    states = ", ".join(f"{state} {count}" for state, count in load.states.most_common())
    return (
        f"| {name} | {answered} | {answered / load.seconds:.0f} | {load.at(0.5):.1f} | {load.at(0.9):.1f} "
        f"| {load.at(0.99):.1f} | {load.at(1):.1f} | {cpu:.2f} | {sum(load.errors.values())} | {states} |"
    )


def _client() -> httpx.Client:
    return httpx.Client(timeout=30)


def main() -> None:
    """Run the cases and print the table."""
    parser = argparse.ArgumentParser(description="Load test of cached pages.")
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--shoppers", type=int, default=400)
    parser.add_argument("--generations", type=int, default=4, help="pages being made beside it; 0: only alone")
    options = parser.parse_args()
    settings = load_settings()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for name in LINKED:
            (home / name).symlink_to(settings.home / name)
        ids = seed_pages(settings.model_copy(update={"home": home}), options.shoppers)
        print("| case | requests | per s | p50 ms | p90 ms | p99 ms | max ms | CPU ms each | errors | state |")
        print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
        with serving(home, home / "cold.log", warm_s=0) as (host, port, process):
            loads = [measure(host, port, process, ids, options.rate, options.seconds)]
            print(row("first after a start without warm-up", loads[-1]), flush=True)
        started = time.monotonic()
        with serving(home, home / "server.log", settings.http.warm_s) as (host, port, process), _client() as client:
            ready_s = time.monotonic() - started
            for name in (f"first after a start, ready in {ready_s:.0f} s", "the same pages again"):
                loads.append(measure(host, port, process, ids, options.rate, options.seconds))
                print(row(name, loads[-1]), flush=True)
            if options.generations:
                keep_generating(f"http://{host}:{port}", ids[: options.generations], client)
                loads.append(measure(host, port, process, ids[options.generations :], options.rate, options.seconds))
                stats = client.get(f"http://{host}:{port}/v1/operator/stats").json()
                ended = ", ".join(f"{count} {outcome}" for outcome, count in stats["generated"].items()) or "none ended"
                name = f"generation beside it ({ended}, {stats['running']} still running)"
                print(row(name, loads[-1]), flush=True)
        failed = sum((load.errors for load in loads), Counter())
    if failed:
        raise SystemExit(f"failed requests: {dict(failed)}")


if __name__ == "__main__":
    main()
