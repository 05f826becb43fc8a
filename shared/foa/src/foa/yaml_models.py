"""Read YAML documents into models, with errors that name file, field and fault in one line."""

import difflib
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from foa.errors import FoaError

M = TypeVar("M", bound=BaseModel)
Place = tuple[int | str, ...]
"""Keys and positions that lead to a value in a document."""
MOST_FAULTS = 8
"""Faults that are spelled out."""


class _Loader(yaml.SafeLoader):
    """Loader that refuses what no path or name can hold."""

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        """Return the text of a scalar."""
        text = super().construct_scalar(node)
        if "\0" in text:
            raise yaml.constructor.ConstructorError(
                *(None, None, "a NUL character in a text", node.start_mark)
            )
        return text


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises
    ------
    FoaError
        If there is no such file, or it holds no mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise FoaError(f"{path}: {error.strerror}") from error
    except Exception as error:  # PyYAML raises anything at false tags and impossible dates
        raise FoaError(f"{path}: not YAML: {_spell_yaml_fault(error)}") from error
    if not isinstance(content, dict):
        raise FoaError(f"{path}: not a mapping of names to values")
    return content


def _spell_yaml_fault(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"{error.problem} (line {mark.line + 1}, column {mark.column + 1})"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8"
    return " ".join(str(error).split()) or type(error).__name__


def validate(model: type[M], content: Any, origin: object) -> M:
    """Make a model of `content`, which comes from the document `origin`.

    Raises
    ------
    FoaError
        Naming every field at fault.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = _sift([(_place_of(fault, content), fault) for fault in error.errors()])
        spelled = "; ".join(_spell_faults(faults, model))
        raise FoaError(f"{origin}: {' '.join(spelled.split())}") from error


def _place_of(fault: ErrorDetails, content: Any) -> Place:
    """Return where a fault is in the document: pydantic names members of unions as well."""
    place: list[int | str] = []
    for part in fault["loc"]:
        if _holds(content, part):
            place.append(part)
            content = content[part]
    return (*place, fault["loc"][-1]) if fault["type"] == "missing" else tuple(place)


def _holds(content: Any, part: int | str) -> bool:
    if isinstance(content, Mapping):
        return part in content
    return isinstance(content, Sequence) and isinstance(part, int) and part < len(content)


def _sift(faults: Sequence[tuple[Place, ErrorDetails]]) -> dict[Place, ErrorDetails]:
    """Keep one fault per place, and the innermost: others are of members of a union."""
    outer = {place[:depth] for place, _ in faults for depth in range(len(place))}
    kept: dict[Place, ErrorDetails] = {}
    for place, fault in faults:
        if place not in outer:
            kept.setdefault(place, fault)
    return kept


def _spell_faults(faults: Mapping[Place, ErrorDetails], model: type[BaseModel]) -> Iterator[str]:
    """Yield the first faults in words, and how many more there are."""
    for place, fault in islice(faults.items(), MOST_FAULTS):
        yield _spell_fault(place, fault, model)
    if len(faults) > MOST_FAULTS:
        yield f"and {len(faults) - MOST_FAULTS} more"


def _spell_fault(place: Place, fault: ErrorDetails, model: type[BaseModel]) -> str:
    words = _WORDS.get(fault["type"], _spell_plainly)(fault)
    if fault["type"] == "extra_forbidden":
        words += _advise(str(place[-1]), model.model_fields if len(place) == 1 else ())
    return f"{'.'.join(map(str, place))}: {words}" if place else words


def _advise(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]}?" if close else ""


def _shorten(value: Any) -> str:
    """Spell a value that may be huge."""
    short = reprlib.Repr()
    short.maxlevel = 2
    return short.repr(value)


def _spell_plainly(fault: ErrorDetails) -> str:
    """Return pydantic's words, with the value that was given."""
    words = fault["msg"].replace("Input should be", "must be").replace("Input should", "must")
    return f"{words[:1].lower()}{words[1:]}, not {_shorten(fault['input'])}"


def _say(words: str) -> Callable[[ErrorDetails], str]:
    return lambda fault: f"{words}, not {_shorten(fault['input'])}"


_WORDS: dict[str, Callable[[ErrorDetails], str]] = {
    "missing": lambda fault: "is missing",
    "extra_forbidden": lambda fault: "is not known",
    "value_error": lambda fault: str(fault["ctx"]["error"]),
    "finite_number": _say("must be a finite number"),
    "model_type": _say("must be names with values"),
    **dict.fromkeys(("string_type", "path_type"), _say("must be a text")),
    **dict.fromkeys(("int_type", "int_parsing"), _say("must be a whole number")),
    **dict.fromkeys(("float_type", "float_parsing"), _say("must be a number")),
    **dict.fromkeys(("tuple_type", "list_type"), _say("must be a list")),
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"),
        _say("must be a date such as 2024-12-05"),
    ),
}
"""Faults in a person's words, by pydantic's names of them."""
