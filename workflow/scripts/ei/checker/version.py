"""The checker's version: a change of verdicts changes it, and with it every lineage and memo key."""

VERSION = "1"
