"""The town's own map: an `.osm.pbf` becomes vector tiles and what the place search knows."""
