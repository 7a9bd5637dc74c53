"""What a run came to, as numbers: statistics, steps, times, and the rule for differences."""
