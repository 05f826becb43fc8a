"""How a piece of work ended."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AliasChoices, Field, ValidationError

from foa_stage.jobs import Resources
from foa_stage.manifests import Frozen, Product
from foa_stage.tree.files import sha256_of


class Report(Frozen):
    """How a piece of work ended.

    Written once, by the stage, or by its service when the stage could not.
    """

    outcome: Literal["done", "failed"]
    exit_code: int
    reason: str = ""
    log_tail: str = ""
    products: tuple[Product, ...] = ()
    facts: dict[str, Any] = {}
    """What the next stages need to know besides the products."""
    versions: dict[str, str] = {}
    started: float = 0.0
    """When the stage's process began, as Unix time."""
    wall_s: float = 0.0
    peak_memory_mib: int = 0
    resources: Resources | None = Field(
        default=None,
        description="what the job could have used",
        validation_alias=AliasChoices("resources", "asked"),  # the name until version 0.1
    )

    @classmethod
    def read(cls, directory: Path) -> Self | None:
        """Read the report in a directory of work; None if there is none that can be read."""
        try:
            return cls.model_validate_json((directory / "report.json").read_bytes())
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValidationError):
            return None

    def product(self, role: str) -> Product:
        """Return the product of this role."""
        return next(product for product in self.products if product.role == role)

    def missing(self) -> list[Path]:
        """Return the products that are no longer there, or no longer of their size."""
        return [
            p.path for p in self.products if not p.path.is_file() or p.path.stat().st_size != p.size
        ]

    def corrupt(self) -> list[Path]:
        """Return the products whose content is not what the stage wrote."""
        return [p.path for p in self.products if sha256_of(p.path) != p.sha256]
