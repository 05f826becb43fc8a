"""Read YAML documents into models, with errors that name file, field and fault."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from foa.errors import FoaError

M = TypeVar("M", bound=BaseModel)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises
    ------
    FoaError
        If there is no such file, or it holds no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise FoaError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: a date that does not exist, a number of too many digits, not UTF-8
        raise FoaError(f"{path}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise FoaError(f"{path}: not a mapping of names to values")
    return content


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
        faults = (f"  {_spell(fault['loc'])}: {fault['msg']}" for fault in error.errors())
        heading = f"{origin} is not a valid {_name(model)}:"
        raise FoaError("\n".join([heading, *faults])) from error


def _spell(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "document"


def _name(model: type[BaseModel]) -> str:
    """Spell a model's name as people do: RequestFile is a request file."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in model.__name__).strip()
