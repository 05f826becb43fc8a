"""How long a site keeps what can be made again."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from foa_stage.manifests import Frozen

DAY_S = 86400.0
Days = Annotated[int, Field(ge=1)]
"""At least one: what was asked for today may be read by a job that is still to start."""


class Retention(Frozen):
    """What `foa clean` may drop. Results, reports, manifests and requests always stay."""

    products: Mapping[str, Days] = Field(
        default={},
        description="days after which the products of a stage may be dropped, counted from when "
        "they were last asked for, by stage; those of other stages stay",
    )
    leftovers: Days = Field(
        default=7, description="days after which what failed jobs left behind may be dropped"
    )
    min_free_gib: int = Field(
        default=50,
        ge=0,
        description="space that must be left for the run tree: below it `foa check` complains; "
        "the alert FoaDiskFull in deploy/prometheus/rules.yml states the same number",
    )
