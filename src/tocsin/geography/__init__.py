"""Areas, tiers, distances and grid cells; pure."""
