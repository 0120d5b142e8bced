"""Running the graphs for callers, and showing what they made."""
