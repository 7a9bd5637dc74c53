"""What can be known before the first job: whether a run can end well on this machine.

Every check is a function of what it is given that returns findings; `check.py` brings them together
before the first job on a GPU, and a dry run those that local files alone can tell.
"""
