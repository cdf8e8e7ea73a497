"""The verdict on the data before anything is trained."""
