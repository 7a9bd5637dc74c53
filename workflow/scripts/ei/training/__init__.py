"""Supervised fine-tuning on sampled token ids, packed without padding, with exact entropy.

Importing this package costs nothing; its modules import torch, and `model` imports transformers.
"""
