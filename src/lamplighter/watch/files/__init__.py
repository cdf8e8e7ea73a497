"""What is watched of files: what is saved, taken up again, and said."""
