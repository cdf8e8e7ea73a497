"""A trained model on a web page and behind an HTTP API, for people and programs nearby."""
