"""The HTTP API, the live stream and the guard before them."""
