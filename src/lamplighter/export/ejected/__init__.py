"""The pieces of the file that `lamp eject` writes."""
