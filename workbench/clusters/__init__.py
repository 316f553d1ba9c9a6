"""Machines that a cluster lends: what is asked of a node, what a process there is given, and Ray."""
