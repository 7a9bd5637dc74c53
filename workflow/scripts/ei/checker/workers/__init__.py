"""Processes that judge pairs under limits of time and memory."""
