"""The user's source and running functions: which line, which variable, which words."""
