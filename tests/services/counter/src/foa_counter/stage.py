"""The counter's stage."""

from foa_counter.plan import CountRequest
from foa_stage.runner import Stage, StageResult
from foa_stage.tree import Work


def count(request: CountRequest, work: Work) -> StageResult:
    """Count products."""
    return StageResult([], {"products": len(request.products)})


STAGE = Stage(request=CountRequest, make=count, distributions=())
