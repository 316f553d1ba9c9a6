"""The fields of a run's spec that are options of `workbench prune` too."""

# Name to metavar and help; the spec checks the values.
SPEC_OPTIONS = {
    "model": ("ID", "Hub id or folder of the pretrained encoder or ResNet"),
    "seed": ("N", "root of all randomness"),
    "scale": ("F", "multiplies every training length of the engine"),
    "examples": ("N", "train on this many examples, drawn with the seed"),
    "selection": ("SPLIT", "validation (carved from train) or dev"),
    "precision": ("P", "auto, fp32 or bf16"),
    "prunable": ("REGEX", "names of the weights that can be pruned (default: the matrices of the layers)"),
}
