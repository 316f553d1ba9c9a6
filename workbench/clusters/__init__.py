"""Clusters: what is requested of a node, Ray, and the agent that starts a run on a node."""
