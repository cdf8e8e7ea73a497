"""What is watched of losses: arithmetic, graphs, terms."""
