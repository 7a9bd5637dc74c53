"""Drawing responses from a policy: one function for training rollouts and for evaluation, two engines behind it."""
