"""Nodes of the intent graph."""
