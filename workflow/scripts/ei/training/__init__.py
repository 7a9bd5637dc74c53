"""Supervised fine-tuning on sampled token ids, packed without padding, with exact entropy.

`job` tells what the stage does, from its inputs to its outputs; `loop` is the training itself.
"""
