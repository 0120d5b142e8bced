"""Runs: pages of one or two configurations for the same shoppers, measured, compared, reported, held to a floor."""
