"""Shares, differences and votes with their intervals: plain numbers in, plain numbers out.

Questions are what is drawn at random, and the responses to one question are alike. So intervals come from drawing
questions anew, whole, with all their responses (a cluster bootstrap), and differences are taken question by question.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution
DRAWS = 10_000


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share, (0, 1) where n is 0.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    centre = share + Z95**2 / (2 * n)
    half = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    low, high = ((centre - half) / (1 + Z95**2 / n), (centre + half) / (1 + Z95**2 / n))
    return (
        0.0 if successes == 0 else low,
        1.0 if successes == n else high,
    )  # exact at the ends, rounding aside


@lru_cache(maxsize=100_000)
def pass_at_k(n: int, right: int, k: int) -> float:
    """The chance that k of n responses, drawn without repetition, hold a right one, where `right` of the n are.

    1 - C(n - right, k) / C(n, k): the unbiased estimate of M. Chen et al., "Evaluating large language models trained
    on code", 2021. The difference is taken in whole numbers, so nothing cancels.
    """
    return (math.comb(n, k) - math.comb(n - right, k)) / math.comb(n, k)


def majority_at_k(answers: Sequence[str | None], right: Sequence[float], k: int) -> float:
    """The expected accuracy of the most frequent answer among k of the responses, drawn without repetition.

    A response without an answer (None) does not vote; no vote at all is wrong; of answers with equally many votes
    each is chosen with the same chance. Exact: over all subsets, without walking through them.
    """
    voters: dict[str, list[float]] = {}
    for answer, reward in zip(answers, right, strict=True):
        if answer is not None:
            voters.setdefault(answer, []).append(reward)
    sizes = sorted(map(len, voters.values()))
    silent = len(answers) - sum(sizes)
    expected = 0.0
    for rewards in voters.values():
        rivals = sizes.copy()
        rivals.remove(len(rewards))
        expected += (
            sum(rewards) / len(rewards) * wins(len(rewards), tuple(rivals), silent, k)
            if any(rewards)
            else 0.0
        )
    return expected


@lru_cache(maxsize=100_000)
def wins(size: int, rivals: tuple[int, ...], silent: int, k: int) -> float:
    """The chance that an answer with `size` responses wins the vote of k, against rivals of so many responses each.

    For every number of votes that the answer may have, count the ways to draw the other responses such that no
    rival has more; `ways[t, u]` are those in which u are drawn and t rivals have as many, each way worth 1 / (t + 1).
    """
    total = 0.0
    for votes in range(1, min(size, k) + 1):
        rest = k - votes
        harmless = silent + sum(rival for rival in rivals if rival < votes)
        ways = np.zeros((rest // votes + 1, rest + 1))
        ways[0] = [math.comb(harmless, u) for u in range(rest + 1)]
        for rival in (rival for rival in rivals if rival >= votes):
            before, ways = ways, np.zeros_like(ways)
            for u in range(min(votes - 1, rest) + 1):
                ways[:, u:] += math.comb(rival, u) * before[:, : rest + 1 - u]
            ways[1:, votes:] += math.comb(rival, votes) * before[:-1, : max(rest + 1 - votes, 0)]
        total += math.comb(size, votes) * float((ways[:, rest] / (np.arange(len(ways)) + 1)).sum())
    return total / math.comb(size + sum(rivals) + silent, k)


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p of McNemar's test: were a and b alike, each discordant question would be a fair coin."""
    n = only_a + only_b
    tail = sum(math.comb(n, i) for i in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * tail / 2**n)


def bootstrap(sums: Sequence[float], counts: Sequence[int], seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of sum(sums) / sum(counts) when whole questions are drawn anew (percentiles); (0, 1) of none.

    A question is its sum and its count of responses. Equal questions are drawn together, as one multinomial count:
    the same distribution as drawing one by one, in a thousandth of the time.
    """
    if not len(sums):
        return 0.0, 1.0
    kinds, times = np.unique(np.column_stack([sums, counts]), axis=0, return_counts=True)
    drawn = (
        np.random.default_rng(seed).multinomial(len(sums), times / len(sums), size=DRAWS) @ kinds
    )
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return float(low), float(high)


def paired_difference(a: Sequence[float], b: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The 95 % bootstrap interval of mean(a) - mean(b), where a[i] and b[i] belong to the same question."""
    differences = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    return bootstrap(differences.tolist(), [1] * len(differences), seed)
