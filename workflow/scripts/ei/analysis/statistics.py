"""Shares, differences and votes with their intervals: plain numbers in, plain numbers out.

The questions are the random sample, and responses to the same question are correlated. Intervals
therefore come from resampling whole questions with all their responses (a cluster bootstrap), and
differences are paired by question.
"""

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution
DRAWS = 10_000  # of the bootstrap: an end of an interval then repeats to about 0.1 points


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share, (0, 1) where n is 0.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    1927.
    """
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    centre = share + Z95**2 / (2 * n)
    half = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    low, high = ((centre - half) / (1 + Z95**2 / n), (centre + half) / (1 + Z95**2 / n))
    # At either end the formula gives exactly 0 or 1, but floating point does not.
    return 0.0 if successes == 0 else low, 1.0 if successes == n else high


@lru_cache(maxsize=100_000)
def pass_at_k(n: int, right: int, k: int) -> float:
    """The chance that k of n responses, drawn without replacement, include a correct one.

    `right` of the n are correct. 1 - C(n - right, k) / C(n, k) is the unbiased estimate of M. Chen
    et al., "Evaluating large language models trained on code", 2021. The difference is taken in
    whole numbers, so nothing cancels.
    """
    return (math.comb(n, k) - math.comb(n - right, k)) / math.comb(n, k)


def best_at_k(rewards: Sequence[float], k: int) -> float:
    """The expected highest reward of k responses, drawn without replacement; pass@k of zeros, ones.

    With k = 1 it is the mean reward, so pass@1 is the accuracy whatever the rewards are. Unbiased:
    E[max] is the sum over the distinct rewards of (step to it) times (chance to reach it).
    """
    levels = sorted({0.0, *rewards})
    return sum(
        (high - low) * pass_at_k(len(rewards), sum(reward >= high for reward in rewards), k)
        for low, high in itertools.pairwise(levels)
    )


def majority_at_k(answers: Sequence[str | None], right: Sequence[float], k: int) -> float:
    """The expected accuracy of the most frequent answer among k responses, drawn without
    replacement.

    A response without an answer (None) does not vote, and no votes at all count as wrong; a tie is
    broken at random. Exact: the expectation over all subsets, without enumerating them.
    """
    rewards_of: dict[str, list[float]] = {}
    for answer, reward in zip(answers, right, strict=True):
        if answer is not None:
            rewards_of.setdefault(answer, []).append(reward)
    sizes = sorted(map(len, rewards_of.values()))
    abstaining = len(answers) - sum(sizes)
    expected = 0.0
    for rewards in rewards_of.values():
        if any(rewards):  # an answer that is always wrong adds nothing
            rivals = sizes.copy()
            rivals.remove(len(rewards))
            chance = wins(len(rewards), tuple(rivals), abstaining, k)
            expected += sum(rewards) / len(rewards) * chance
    return expected


@lru_cache(maxsize=100_000)
def wins(size: int, rivals: tuple[int, ...], abstaining: int, k: int) -> float:
    """The chance that an answer with `size` responses wins a vote of k, rivals having theirs.

    For each number of votes that the answer may get, count the ways to draw the other responses
    such that no rival gets more. `ways[t, u]` are those that draw u of them with t rivals tied;
    each is worth 1 / (t + 1), as ties are broken at random.
    """
    total = 0.0
    for votes in range(1, min(size, k) + 1):
        rest = k - votes
        harmless = abstaining + sum(rival for rival in rivals if rival < votes)  # never tie
        ways = np.zeros((rest // votes + 1, rest + 1))
        ways[0] = [math.comb(harmless, u) for u in range(rest + 1)]
        for rival in (rival for rival in rivals if rival >= votes):
            before, ways = ways, np.zeros_like(ways)
            for u in range(min(votes - 1, rest) + 1):  # the rival gets fewer votes
                ways[:, u:] += math.comb(rival, u) * before[:, : rest + 1 - u]
            tied = before[:-1, : max(rest + 1 - votes, 0)]  # the rival gets as many
            ways[1:, votes:] += math.comb(rival, votes) * tied
        total += math.comb(size, votes) * float((ways[:, rest] / (np.arange(len(ways)) + 1)).sum())
    return total / math.comb(size + sum(rivals) + abstaining, k)


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p of McNemar's test, from the questions that only a or only b solves.

    If a and b are equally good, each of these discordant questions is a fair coin.
    """
    n = only_a + only_b
    tail = sum(math.comb(n, i) for i in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * tail / 2**n)


def bootstrap(sums: Sequence[float], counts: Sequence[int], seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile interval of sum(sums) / sum(counts) over resampled questions.

    `sums[i]` is the reward and `counts[i]` the number of responses of question i; (0, 1) of none.
    Equal questions are resampled together, as one multinomial count: the same distribution as
    drawing one by one, in a thousandth of the time.
    """
    if not len(sums):
        return 0.0, 1.0
    kinds, times = np.unique(np.column_stack([sums, counts]), axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    totals = rng.multinomial(len(sums), times / len(sums), size=DRAWS) @ kinds
    low, high = np.quantile(totals[:, 0] / totals[:, 1], [0.025, 0.975])
    return float(low), float(high)


def paired_difference(a: Sequence[float], b: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The 95 % bootstrap interval of mean(a) - mean(b); a[i] and b[i] are of the same question."""
    differences = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    return bootstrap(differences.tolist(), [1] * len(differences), seed)
