"""Devices that speak MQTT 3.1.1 or 5, to this node or to a town's own broker."""
