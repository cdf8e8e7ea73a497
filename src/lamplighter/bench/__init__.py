"""Where the time of a training goes, what its ceiling is, and what would change it."""
