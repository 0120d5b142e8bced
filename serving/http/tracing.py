"""OpenTelemetry traces over OTLP, where an endpoint is configured. Off otherwise: nothing is recorded or sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from state.errors import SettingsError
from state.http import HttpSettings

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig
    from opentelemetry.sdk.trace import TracerProvider


def open_tracing(settings: HttpSettings) -> TracerProvider | None:
    """Return the provider whose spans go to the configured endpoint; None where none is configured.

    Raises:
        SettingsError: an endpoint is configured, but the extra ``otel`` is not installed.
    """
    if settings.otlp_endpoint is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError(f"http.otlp_endpoint needs the extra: pip install 'shelfwise[otel]' ({error})") from error
    provider = TracerProvider(resource=Resource.create({"service.name": "shelfwise"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint)))
    return provider


def telemetry_config(provider: TracerProvider | None) -> TelemetryConfig:
    """Return what FastAPI may record: spans for ``provider`` and nothing of bodies or exceptions."""
    config: TelemetryConfig = {"logs": False, "metrics": False, "auto_configure": False}
    config["tracing"] = provider is not None
    if provider is not None:
        config["tracer_provider"] = provider
    return config
