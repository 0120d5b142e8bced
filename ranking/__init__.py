"""Ranking at serve time: products and placements of a finished page for one shopper, now."""
