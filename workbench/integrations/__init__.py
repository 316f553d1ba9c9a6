"""Masks in other training loops, and runs in experiment trackers.

`torch.keep` is for a plain loop, `transformers.KeepMask` for the `Trainer`, `tracking.track` for trackers.
"""
