"""Manifests: the interface of the services. Frozen, versioned, JSON on the wire."""

from foa.manifests.canonical import Frozen, canonical_json, digest
from foa.manifests.files import FileStamp, Product
from foa.manifests.kinds import (
    AnalysisReady,
    Dl2Ready,
    Dl3Ready,
    IrfReady,
    Manifest,
    ManifestRejected,
    RequestFailed,
    RequestSubmitted,
    RunFailed,
    RunSelected,
    read_manifest,
    write_manifest,
)
from foa.manifests.profile import Analysis, Interval, Profile, Selection, Theta2Cuts
from foa.manifests.request import Archive, Request, Target
from foa.manifests.run import Criterion, Grade, Models, Pointing, Run, TestNode

__all__ = [
    "Analysis", "AnalysisReady", "Archive", "Criterion", "Dl2Ready", "Dl3Ready", "FileStamp", "Frozen", "Grade",
    "Interval", "IrfReady", "Manifest", "ManifestRejected", "Models", "Pointing", "Product", "Profile", "Request",
    "RequestFailed", "RequestSubmitted", "Run", "RunFailed", "RunSelected", "Selection", "Target", "TestNode",
    "Theta2Cuts", "canonical_json", "digest", "read_manifest", "write_manifest",
]  # fmt: skip
