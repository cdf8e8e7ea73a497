"""Silent mistakes: the catalogue of codes, the criteria, and `check`, which applies them."""
