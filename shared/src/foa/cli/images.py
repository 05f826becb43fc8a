"""Are the images there, signed by whom they should be, and made from the locks?"""

import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from foa.site import Images


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    what: str
    ok: bool
    detail: str


def check_image(images: Images, service: str, path: Path) -> list[Check]:
    """Look at the image of a service and at those for its productions."""
    tagged = [images.path(service, production) for production in images.productions]
    return [_check(images, service, image) for image in dict.fromkeys([path, *(p for p in tagged if p.exists())])]


def _check(images: Images, service: str, image: Path) -> Check:
    signature = _apptainer("verify", "--key", str(images.public_key), str(image))
    if signature.returncode:
        why = signature.stderr.strip().splitlines()[-1:] or ["not signed"]
        return Check(f"image {service}", ok=False, detail=f"{image}: {why[0]}")
    stale = _staleness(images, image)
    return Check(f"image {service}", ok=not stale, detail=stale or f"{image}, signed")


def _staleness(images: Images, image: Path) -> str:
    """What lock the image was made from, if that is no longer the lock; older versions of a stage have none here."""
    if images.locks is None:
        return ""
    labels = json.loads(_apptainer("inspect", "--json", "--labels", str(image)).stdout)["data"]["attributes"]["labels"]
    lock = images.locks / f"{labels['foa.lock.name']}.txt"
    current = hashlib.sha256(lock.read_bytes()).hexdigest() if lock.exists() else ""
    return "" if labels["foa.lock.digest"] == current else f"{image} is stale: it was not made from the {lock} of now"


def _apptainer(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["apptainer", "--quiet", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return subprocess.CompletedProcess(arguments, 127, "", "apptainer is not installed; run `make apptainer`")
