"""Open311 GeoReport v2, complete: how residents' apps and other systems report and look up."""

from tocsin.intakes.open311.serve import Open311Options, routes

__all__ = ["Open311Options", "routes"]
