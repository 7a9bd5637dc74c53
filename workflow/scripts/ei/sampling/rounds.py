"""Further rounds of a step's sampling: which questions are drawn again, and which rollouts.

The first round draws G rollouts of every question. The round `extra` draws more of the questions
with at most one correct rollout, the round `hints` draws the questions that are still unsolved with
the reference answer in the prompt (rationalization, in STaR: Zelikman et al., 2022).
"""

from dataclasses import dataclass

import polars as pl

from ei.schema import ROUNDS
from ei.stage import setting

FIRST = "first"
# The most correct rollouts of a question that a round still draws.
MOST_CORRECT = {"extra": 1, "hints": 0}


@dataclass(frozen=True)
class Rounds:
    """How many rollouts the further rounds draw of each of their questions, and with which hint."""

    extra: int = setting(0, "rollouts of each question with at most one correct rollout")
    hints: int = setting(0, "rollouts, with a hint, of each question that is still unsolved")
    hint: str = setting(" (The answer is {answer}.)", "what is put after such a question")

    def numbers(self, name: str, rollouts: int) -> range:
        """The numbers of a question's rollouts in a round; each round goes on where others end.

        `rollouts` is G, the size of the first round. A rollout's number enters its seed.
        """
        sizes = {FIRST: rollouts, "extra": self.extra, "hints": self.hints}
        before = sum(sizes[other] for other in (FIRST, *ROUNDS)[: list(sizes).index(name)])
        return range(before, before + sizes[name])


def asked_again(
    questions: pl.DataFrame, scored: pl.DataFrame, name: str, min_reward: float
) -> pl.DataFrame:
    """The questions that a round draws, by what the rounds before it solved, in the same order."""
    correct = pl.col("reward").cast(pl.Float32) >= pl.lit(min_reward, pl.Float32)
    solved = scored.group_by("question_id").agg(correct.sum().alias("correct"))
    hard = solved.filter(pl.col("correct") <= MOST_CORRECT[name])
    return questions.filter(pl.col("question_id").is_in(hard["question_id"].to_list()))
