"""The adversarial policy set: placements that break one rule each, and clean ones that only look like it."""
