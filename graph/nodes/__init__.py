"""Nodes of the page graph. Each reads state, calls one thing and returns an update."""
