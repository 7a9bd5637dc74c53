"""From a response to the one text that is compared with the reference."""
