"""What agents and nodes look things up with: shopper context, keyword search, product search."""
