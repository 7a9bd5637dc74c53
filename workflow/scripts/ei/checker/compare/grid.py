"""Matrices and vectors of numbers, as far as answers compute with them."""

from collections.abc import Callable
from typing import Any

from ei.checker.compare.exact import Unknown


class Grid:
    """Rows of numbers; a vector is one column."""

    def __init__(self, rows: list[list[Any]]) -> None:
        if len({len(row) for row in rows}) != 1:
            raise Unknown("a ragged matrix")
        self.rows = rows

    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.rows), len(self.rows[0])

    def agrees(self, other: "Grid", same: Callable[[Any, Any], bool]) -> bool:
        """Whether the grids have the same shape and the same numbers."""
        if self.shape() != other.shape():
            return False
        pairs = zip(self.rows, other.rows, strict=True)
        return all(same(a, b) for row, others in pairs for a, b in zip(row, others, strict=True))

    def __add__(self, other: Any) -> "Grid":
        if not isinstance(other, Grid) or self.shape() != other.shape():
            raise Unknown("a sum of a matrix and something else")
        pairs = zip(self.rows, other.rows, strict=True)
        return Grid([[a + b for a, b in zip(row, more, strict=True)] for row, more in pairs])

    __radd__ = __add__

    def __neg__(self) -> "Grid":
        return self * -1

    def __mul__(self, other: Any) -> "Grid":
        if not isinstance(other, Grid):
            return Grid([[cell * other for cell in row] for row in self.rows])
        if self.shape()[1] != other.shape()[0]:
            raise Unknown("a product of matrices that do not fit")
        columns = list(zip(*other.rows, strict=True))
        return Grid(
            [[sum(a * b for a, b in zip(r, c, strict=True)) for c in columns] for r in self.rows]
        )

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Grid":
        if isinstance(other, Grid):
            raise Unknown("a quotient of matrices")
        return Grid([[cell / other for cell in row] for row in self.rows])

    def determinant(self) -> Any:
        """The determinant, by minors; of at most five rows."""
        size = len(self.rows)
        if self.shape() != (size, size) or size > 5:
            raise Unknown("the determinant of such a matrix")
        if size == 1:
            return self.rows[0][0]
        return sum(
            (-1) ** k
            * self.rows[0][k]
            * Grid([r[:k] + r[k + 1 :] for r in self.rows[1:]]).determinant()
            for k in range(size)
        )

    def power(self, exponent: Any) -> "Grid":
        """The matrix to a small natural power."""
        if isinstance(exponent, Grid) or exponent != int(exponent) or not 1 <= exponent <= 50:
            raise Unknown("the power of a matrix")
        found = self
        for _ in range(int(exponent) - 1):
            found = found * self
        return found
