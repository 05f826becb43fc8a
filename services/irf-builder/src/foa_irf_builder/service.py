"""The declaration of the irf-builder."""

from foa.pipeline import JobService
from foa_irf_builder.plan import CORES, NAME, announce, plan
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
    resources=Resources(memory_mib=16000, cores=CORES, time_limit_s=7200),
    priority=1,  # that of the dl2-converter: a run needs both, and the first run first
)
