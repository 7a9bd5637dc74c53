"""Results in words: numbers as a reader says them, and the conclusion of an experiment."""
