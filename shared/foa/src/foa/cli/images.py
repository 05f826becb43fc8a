"""Check that images are there, signed by whom they should be, and made from the locks."""

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
    there = [path, *(image for image in tagged if image.exists())]
    return [_check(images, service, image) for image in dict.fromkeys(there)]


def _check(images: Images, service: str, image: Path) -> Check:
    signature = _apptainer("verify", "--key", str(images.public_key), str(image))
    if signature.returncode:
        why = signature.stderr.strip().splitlines()[-1:] or ["not signed"]
        return Check(f"image {service}", ok=False, detail=f"{image}: {why[0]}")
    stale = _staleness(images, image)
    return Check(f"image {service}", ok=not stale, detail=stale or f"{image}, signed")


def _staleness(images: Images, image: Path) -> str:
    """Say so if the image was not made from the present lock.

    A site without `locks` is not checked: older versions of a stage have none here.
    """
    if images.locks is None:
        return ""
    answer = json.loads(_apptainer("inspect", "--json", "--labels", str(image)).stdout)
    labels = answer["data"]["attributes"]["labels"]
    lock = images.locks / f"{labels['foa.lock.name']}.txt"
    current = hashlib.sha256(lock.read_bytes()).hexdigest() if lock.exists() else ""
    if labels["foa.lock.digest"] == current:
        return ""
    return f"{image} is stale: it was not made from the {lock} of now"


def _apptainer(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["apptainer", "--quiet", *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        missing = "apptainer is not installed; run `make apptainer`"
        return subprocess.CompletedProcess(arguments, 127, "", missing)
