"""YAML as a person means it: a file that says something twice, or is no text, is refused."""

from pathlib import Path
from typing import Any

import yaml

from ei.files import read_text
from ei.stage import UserError


class StrictLoader(yaml.SafeLoader):
    """A loader that refuses a key that is given twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping; raises ConstructorError at the second place of a key."""
        first: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and first.setdefault(key.value, line) != line:
                where = f"{key.value} is given twice; it is in line {first[key.value]} as well"
                raise yaml.constructor.ConstructorError(None, None, where, key.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; raises UserError with the line of what is wrong."""
    text = read_text(path)
    try:
        found = yaml.load(text, Loader=StrictLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{path}{line}: {error.problem}") from None
    except yaml.YAMLError:
        raise UserError(f"{path} is no text: it has characters that YAML does not allow") from None
    except RecursionError:
        raise UserError(f"{path} is nested too deep to be read") from None
    except ValueError as error:  # a number with more than 4,300 digits, a day that is none
        raise UserError(f"{path} has a value that cannot be read: {error}") from None
    if found is not None and not isinstance(found, dict):
        raise UserError(f"{path} should have keys at its top level, as in `steps: 5`")
    return found or {}
