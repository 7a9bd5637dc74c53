"""What the jobs that are still to do will cost: rollouts, tokens, time and disk."""
