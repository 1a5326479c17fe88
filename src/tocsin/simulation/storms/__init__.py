"""A node in bad weather: the real runtime on a loop without time, and all that goes wrong."""
