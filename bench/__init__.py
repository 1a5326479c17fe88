"""The numbers of Tocsin: `make bench`, or `make bench ONLY=intake`."""
