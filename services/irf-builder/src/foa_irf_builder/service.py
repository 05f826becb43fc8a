"""The declaration of the irf-builder."""

from foa.pipeline import JobService
from foa_irf_builder.plan import NAME, announce, plan
from foa_stage.jobs import Resources
from foa_stage.manifests import IrfReady, RunFailed, RunSelected

SERVICE = JobService(
    name=NAME,
    title="makes the IRFs of the MC nodes that serve a run",
    consumes=(RunSelected,),
    announces=(IrfReady,),
    fails_with=RunFailed,
    plan=plan,
    announce=announce,
    resources=Resources(memory_mib=8000, time_limit_s=7200),
    priority=2,
)
