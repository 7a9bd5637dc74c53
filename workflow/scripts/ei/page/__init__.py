"""The page of an experiment: one HTML file with its tables, its plots and a browser of its rollouts."""
