"""Sampling responses from a policy.

`draw` tells what sample.py and eval.py do with one of two engines; an engine turns requests into
rollouts.
"""
