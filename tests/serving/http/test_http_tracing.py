"""Traces: none unless an endpoint is configured; then one span a request, named by its route."""

from __future__ import annotations

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from serving.http.tracing import open_tracing, telemetry_config
from state.http import HttpSettings


def test_nothing_is_traced_without_an_endpoint() -> None:
    assert open_tracing(HttpSettings()) is None
    assert telemetry_config(None) == {"logs": False, "metrics": False, "auto_configure": False, "tracing": False}


def test_an_endpoint_makes_a_provider() -> None:
    provider = open_tracing(HttpSettings(otlp_endpoint="http://127.0.0.1:9/v1/traces"))
    assert provider is not None
    provider.shutdown()


async def test_a_request_is_a_span_of_its_route() -> None:
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    app = FastAPI(telemetry=telemetry_config(provider))

    @app.get("/v1/pages/{shopper_id}")
    async def page(shopper_id: str) -> str:
        return shopper_id

    async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:
        await client.get("/v1/pages/7")
    assert "GET /v1/pages/{shopper_id}" in {span.name for span in spans.get_finished_spans()}
