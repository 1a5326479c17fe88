"""A seeded town that tries to break the loop, and the checkers that watch."""
