"""The declaration of the dl3-maker."""

from foa.pipeline import JobService
from foa_dl3_maker.plan import NAME, announce, plan
from foa_stage.jobs import Resources
from foa_stage.manifests import Dl2Ready, Dl3Ready, IrfReady, RunFailed

SERVICE = JobService(
    name=NAME,
    title="makes DL3 files of DL2 runs, with IRFs interpolated between the nodes",
    consumes=(Dl2Ready, IrfReady),
    announces=(Dl3Ready,),
    fails_with=RunFailed,
    plan=plan,
    announce=announce,
    resources=Resources(memory_mib=12000, time_limit_s=1800),
    priority=3,
)
