"""Sampling responses from a policy: one function for rollouts and evaluations, two engines behind it."""
