"""What the stages of expert iteration share: pure functions, and the files that go between them."""

__version__ = "0.1.0"
