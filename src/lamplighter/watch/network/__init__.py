"""What is watched of networks: layers, modes, weights, and trials on a copy."""
