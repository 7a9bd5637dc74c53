"""The page of an experiment: one HTML file with tables, plots, and a browser of rollouts."""
