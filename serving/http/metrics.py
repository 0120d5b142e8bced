"""Prometheus metrics of one app: requests, pages by freshness, generation, feedback, the store."""

from __future__ import annotations

from collections import Counter as Counts
from collections import deque

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from serving.http.operator_shapes import Latency
from state.cached import StoreStats

_LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)
_RUN_BUCKETS = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
_LATEST = 2000


class Metrics:
    """Counts of one app, in a registry of its own: two apps in a process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "shelfwise_http_requests", "Requests answered.", ["route", "method", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "shelfwise_http_request_seconds",
            "Seconds until the answer was sent, event streams left out.",
            ["route"],
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self._pages = Counter("shelfwise_pages_served", "Pages served.", ["state"], registry=self.registry)
        self._ranker_faults = Counter(
            "shelfwise_ranker_faults", "Pages ranked by the stand-in ranker.", registry=self.registry
        )
        self._runs = Counter("shelfwise_generations", "Page runs that ended.", ["outcome"], registry=self.registry)
        self._run_seconds = Histogram(
            "shelfwise_generation_seconds",
            "Seconds of a page run, waiting included.",
            buckets=_RUN_BUCKETS,
            registry=self.registry,
        )
        self._running = Gauge("shelfwise_generations_running", "Page runs that work.", registry=self.registry)
        self._queued = Gauge("shelfwise_generations_queued", "Page runs that wait.", registry=self.registry)
        self._feedback = Counter(
            "shelfwise_feedback_events", "Feedback events stored.", ["kind"], registry=self.registry
        )
        self._store = Gauge("shelfwise_store", "The page store's own counts.", ["count"], registry=self.registry)
        self._latest: deque[float] = deque(maxlen=_LATEST)
        self.feedback: Counts[str] = Counts()

    def request(self, route: str, method: str, status: int, seconds: float, *, stream: bool = False) -> None:
        """Count an answered request."""
        self._requests.labels(route, method, str(status)).inc()
        if not stream:
            self._seconds.labels(route).observe(seconds)

    def page(self, state: str, seconds: float, ranker_fault: str | None) -> None:
        """Count a served page."""
        self._pages.labels(state).inc()
        self._latest.append(seconds)
        if ranker_fault:
            self._ranker_faults.inc()

    def run_ended(self, outcome: str, seconds: float) -> None:
        self._runs.labels(outcome).inc()
        self._run_seconds.observe(seconds)

    def feedback_stored(self, kinds: Counts[str]) -> None:
        self.feedback.update(kinds)
        for kind, count in kinds.items():
            self._feedback.labels(kind).inc(count)

    def latency(self) -> Latency:
        """Return the percentiles of the latest pages."""
        times = sorted(self._latest)
        if not times:
            return Latency()
        return Latency(count=len(times), p50_ms=_percentile_ms(times, 0.5), p99_ms=_percentile_ms(times, 0.99))

    def exposition(self, *, running: int, queued: int, store: StoreStats | None) -> bytes:
        """Return everything in Prometheus' text format; the store's counts are left out while it is down."""
        self._running.set(running)
        self._queued.set(queued)
        if store is not None:
            for name, value in vars(store).items():
                if isinstance(value, int):
                    self._store.labels(name).set(value)
        return generate_latest(self.registry)


def _percentile_ms(times: list[float], share: float) -> float:
    return round(1000 * times[min(len(times) - 1, int(share * len(times)))], 2)
