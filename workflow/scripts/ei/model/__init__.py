"""The language model: its folder, its weights, and loss and entropy over packed sequences.

Evaluation and training both use this package. Only `folder` is free of torch.
"""
