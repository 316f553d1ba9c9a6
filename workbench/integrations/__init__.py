"""Masks in other people's training loops, and runs in other people's trackers.

`torch.keep` is for a plain loop, `transformers.KeepMask` for the `Trainer`, `tracking.track` for trackers.
"""
