"""The HTTP API: pages, regeneration, feedback, search, availability, health and metrics."""
