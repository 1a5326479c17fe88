"""A fleet's days on a virtual clock: logs of the past, stages fitted to them, and a simulator.

`log` reads, `replay` asks how often the past sent the closest, `calibrate` fits the stages,
`engine` lets a policy drive the fleet, `compare` sets policies side by side on common chance.
"""
