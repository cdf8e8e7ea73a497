"""A trained network for other runtimes: wrapped, written, and proved to agree with its artifact."""
