"""The fields of a run's spec that are also options of `workbench prune`."""

# Name to metavar and help; the spec checks the values.
SPEC_OPTIONS = {
    "model": ("ID", "Hub id or folder of the pretrained encoder or ResNet"),
    "seed": ("N", "all randomness follows from it (default: 0)"),
    "scale": ("F", "multiplies every training length of the engine"),
    "examples": ("N", "train on this many examples, drawn with the seed"),
    "selection": ("SPLIT", "where masks are selected: validation (held out from train; default) or dev"),
    "precision": ("P", "auto (default), fp32 or bf16"),
    "prunable": ("REGEX", "names of the weights that can be pruned (default: the matrices of the layers)"),
}
