"""Whether two parsed answers are equal."""
