"""A city as data: TOML read, checked and explained as frozen policies."""
