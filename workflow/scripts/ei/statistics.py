"""Shares with their intervals."""

import math

Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution


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
    return (0.0 if successes == 0 else low, 1.0 if successes == n else high)  # exact at the ends, rounding aside
