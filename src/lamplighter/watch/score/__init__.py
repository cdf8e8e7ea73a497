"""What is watched of scores: how they are counted, averaged, chosen and kept."""
