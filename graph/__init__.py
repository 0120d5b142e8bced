"""The graphs: wiring, nodes, routers, guard discovery and running."""
