"""The app as ``langgraph.json`` mounts it beside the graph API."""

from __future__ import annotations

from serving.http.app import create_app

app = create_app()
