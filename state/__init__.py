"""What flows through Shelfwise: shopper, catalogue and placement types, verdicts, contracts, settings."""
