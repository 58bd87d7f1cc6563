"""How a graph of nodes runs: information, requested region, data."""
