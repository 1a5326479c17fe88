"""From the board and the roads of now to a recommendation: looks up, freezes, asks the policy."""
