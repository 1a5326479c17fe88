"""Roads: the graph, places on it, and how long it takes from one to another."""
