"""A reward of the user's own: a function of (question, reference, response) in a Python file.

It runs in the checker's workers: limited in processor time and memory, memoised, and its result
stands in the same columns as a verdict of the built-in rules.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ei.checker.settings import Settings, Verdict
from ei.stage import UserError

Reward = Callable[[str, str, str], Any]


def load_reward(name: str) -> Reward:
    """The function that `path/to/file.py:function` names; raises UserError where there is none."""
    path, colon, function = name.rpartition(":")
    if not colon or not Path(path).is_file():
        raise UserError(f"score.reward must be path/to/file.py:function, and {name!r} is not")
    spec = importlib.util.spec_from_file_location("own_reward", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, function, None)
    if not callable(found):
        raise UserError(f"score.reward: {path} has no function {function!r}")
    return found


def judge_of(name: str) -> Callable[[str, str, str, Settings], Verdict]:
    """A judge that asks the user's function; 1 is "correct", less is "wrong"."""
    reward, rule = load_reward(name), f"reward: {name.rpartition(':')[2]}"

    def judge(question: str, reference: str, response: str, settings: Settings) -> Verdict:
        value = float(reward(question, reference, response))
        if not 0 <= value <= 1:  # and nan is neither
            return Verdict("error", f"{rule} returned {value}", reward=0.0)
        return Verdict("correct" if value == 1 else "wrong", rule, reward=value)

    return judge
