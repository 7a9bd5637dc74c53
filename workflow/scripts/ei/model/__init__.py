"""The language model: its folder on disk, its weights, and loss and entropy over packed sequences.

Evaluation and training both use this package. Only `folder` is free of torch; `load` imports transformers when called.
"""
