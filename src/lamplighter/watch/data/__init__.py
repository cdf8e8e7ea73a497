"""What is watched of data: where samples come from, how parts differ, labels and splits."""
