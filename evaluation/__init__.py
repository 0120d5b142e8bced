"""How good pages are: metrics, intervals, agreement between people, the adversarial policy set."""
