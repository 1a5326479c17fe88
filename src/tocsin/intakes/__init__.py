"""One folder for each way in."""
