"""Whether tables and JSON that a stage reads have the types and values that `ei.schema` says."""

from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    Required,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import polars as pl

from ei.schema import QUESTIONS, RESPONSES, SCORED, UPDATES, Evaluation
from ei.stage import UserError

KINDS: dict[str, Any] = {**QUESTIONS, **SCORED, **RESPONSES, **UPDATES}
# A row without one of these means nothing. Others may be null: traces have no seed, and a response
# that is null is graded as one without the format.
NEVER_NULL = {
    "question_id",
    "question",
    "sample",
    "prompt_ids",
    "response_ids",
    "finish_reason",
    "format_ok",
    "reward",
    "status",
    "update",
}
REWARDS = {"reward", "format_reward", "answer_reward"}


def checked_table(table: pl.DataFrame, columns: list[str], path: Path) -> pl.DataFrame:
    """The table with `columns` in the types of `ei.schema`; another raises UserError.

    Integers and floats of other widths are converted, and so is a column of nulls only, which has
    no type of its own. Columns that are not asked for, or not in the schema, stay as they are.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise UserError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(table.columns)}"
        )
    known = [column for column in columns if column in KINDS]
    try:
        converted = [converted_column(table[column]) for column in known]
        for column in converted:
            refuse_values(column)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    return table.with_columns(converted)


def converted_column(column: pl.Series) -> pl.Series:
    """The column in its type; raises ValueError where it holds something else."""
    kind = KINDS[column.name]
    if not compatible(column.dtype, kind):
        raise ValueError(f"the column {column.name} holds {column.dtype}, where {kind} is needed")
    try:
        return column.cast(kind)
    except pl.exceptions.InvalidOperationError:
        raise ValueError(f"the column {column.name} has values beyond {kind}") from None


def compatible(found: Any, needed: Any) -> bool:
    """Whether values of one type are of the other as well, whatever their width."""
    if found == pl.Null:
        return True
    if isinstance(needed, pl.List):
        return isinstance(found, pl.List | pl.Array) and compatible(found.inner, needed.inner)
    if needed.is_integer():
        return bool(found.is_integer())
    if needed.is_float():
        return bool(found.is_numeric())
    return found == needed or (needed == pl.String and found in (pl.Categorical, pl.Enum))


def refuse_values(column: pl.Series) -> None:
    """Raise ValueError with the first row whose value cannot be."""
    name = column.name
    if name in NEVER_NULL:
        refuse(column.is_null(), f"the column {name} is null")
    if isinstance(column.dtype, pl.List):
        refuse(column.list.min() < 0, f"the column {name} has a negative token id")
        holes = column.list.drop_nulls().list.len() != column.list.len()
        refuse(holes, f"the column {name} has a null among its token ids")
    if name in REWARDS:
        refuse(~column.is_finite(), f"the column {name} has no finite number")


def refuse(wrong: pl.Series, what: str) -> None:
    """Raise ValueError if any row is wrong, with the number of the first, from 1."""
    first = wrong.fill_null(False).arg_max()
    if first is not None and wrong[first]:
        raise ValueError(f"{what} in row {first + 1}")


def mismatch(value: Any, kind: Any, where: str = "") -> str | None:
    """How a value read from JSON differs from a type of `ei.schema`, in words; None if it does not.

    `where` names the value, as in evaluations[0].n.
    """
    if is_typeddict(kind):
        return wrong_field(value, kind, where)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is list and where.endswith("ci95") and isinstance(value, list) and len(value) != 2:
        return f"{where} has {len(value)} numbers, where [low, high] is needed"
    if origin is list and isinstance(value, list):
        return first_of(mismatch(one, inner[0], f"{where}[{k}]") for k, one in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return first_of(mismatch(one, inner[1], f"{where}.{key}") for key, one in value.items())
    if origin is UnionType:
        # the type that is not None says more of what is wrong
        options = [option for option in inner if option is not NoneType]
        return None if value is None and NoneType in inner else mismatch(value, options[0], where)
    if origin is Literal:
        return None if value in inner else f"{where} is {value!r}"
    return None if of_plain_type(value, kind) else f"{where} is {shown(value)}"


def wrong_field(value: Any, kind: Any, where: str) -> str | None:
    """What is wrong with the fields of an object."""
    if not isinstance(value, Mapping):
        return f"{where or 'it'} is {shown(value)}"
    fields = get_type_hints(kind, include_extras=True)
    if kind is Evaluation and value.get("n") == 0:  # of no questions there are no measures
        fields = {name: fields[name] for name in ("step", "n")}
    for name, field in fields.items():
        place = f"{where}.{name}" if where else name
        optional = get_origin(field) is NotRequired
        if get_origin(field) in (NotRequired, Required):
            (field,) = get_args(field)
        if name not in value:
            if not optional:
                return f"it has no {place}"
        elif wrong := mismatch(value[name], field, place):
            return wrong
    return None


def of_plain_type(value: Any, kind: Any) -> bool:
    """Whether a value is of a type without parts; an integer is a float too, a bool is neither."""
    if kind is Any:
        return True
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, int | float)
    return isinstance(value, get_origin(kind) or kind)


def shown(value: Any) -> str:
    """The value, at most 40 characters of it, and its type."""
    return f"{str(value)[:40]!r}, of type {type(value).__name__}"


def first_of(found: Any) -> str | None:
    """The first that is not None."""
    return next((one for one in found if one), None)
