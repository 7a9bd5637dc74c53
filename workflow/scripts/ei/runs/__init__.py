"""From config.yaml to runs, and from runs to the lineage of every file: plain Python."""
