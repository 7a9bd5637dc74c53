"""What a run came to, from the files it left: its steps, its times, how it compares, and that in words."""
