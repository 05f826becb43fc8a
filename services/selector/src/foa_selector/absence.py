"""Say why runs are absent: not observed, no such number, not listed yet, or in the future."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from foa_selector.archives import ListedRun
from foa_stage.manifests import Request

MAX_SOURCES = 12
"""Sources that are named, those with most runs first."""


@dataclass(frozen=True)
class SearchedNight:
    """A night in which runs were looked for."""

    night: date
    runs: Sequence[ListedRun]
    """Data runs."""
    types: Mapping[int, str]
    """Of all runs, by number."""
    missing: Sequence[str]
    """Lists of the night that are not there."""


def explain_missing(request: Request, nights: Sequence[SearchedNight]) -> dict[int, str]:
    """Say why run numbers of a request stand for no data run of its nights.

    Returns
    -------
    dict of int to str
        Reasons by number; empty if the request names no runs.
    """
    existing = {run.obs_id for one in nights for run in one.runs}
    missing = sorted(set(request.obs_ids or ()) - existing)
    return {obs_id: _explain_missing(obs_id, nights) for obs_id in missing}


def _explain_missing(obs_id: int, nights: Sequence[SearchedNight]) -> str:
    for one in nights:
        if obs_id in one.types:
            return f"the run on {one.night} is of type {one.types[obs_id]}, not of type DATA"
    reason = f"no such run {_when(nights)}"
    unlisted = [one for one in nights if one.missing]
    return f"{reason}; {_spell_unlisted(unlisted)}" if unlisted else reason


def explain_absence(request: Request, nights: Sequence[SearchedNight], today: date) -> str:
    """Say why a request has no runs at all.

    Parameters
    ----------
    request
        Request whose target, or whose run numbers, were looked for.
    nights
        Its nights, in order.
    today
        Date of the search.
    """
    return f"{_spell_sought(request)} {_when(nights)}: {'; '.join(_reasons(nights, today))}"


def _spell_sought(request: Request) -> str:
    if request.obs_ids:
        return f"no run {_join(map(str, request.obs_ids), 'or')}"
    radius = request.profile.selection.search_radius_deg
    return f"no run of {request.target.name} within {radius:g}°"


def _reasons(nights: Sequence[SearchedNight], today: date) -> Iterable[str]:
    """Yield one reason for every kind of absence."""
    if future := [one for one in nights if one.missing and one.night > today]:
        yield f"{_spell_future(future)} (today is {today})"
    if unlisted := [one for one in nights if one.missing and one.night <= today]:
        yield _spell_unlisted(unlisted)
    if listed := [one for one in nights if not one.missing]:
        yield _spell_observed(listed)


def _spell_future(nights: Sequence[SearchedNight]) -> str:
    if len(nights) == 1:
        return f"the night {_spell_nights(nights)} has not been yet"
    return f"the nights {_spell_nights(nights)} have not been yet"


def _spell_unlisted(nights: Sequence[SearchedNight]) -> str:
    lists = dict.fromkeys(name for one in nights for name in one.missing)
    return f"there is no {_join(lists, 'or')} yet of {_spell_nights(nights)}"


def _spell_observed(nights: Sequence[SearchedNight]) -> str:
    """Say what was observed instead, and for how many runs."""
    counts = Counter(run.source or "unnamed" for one in nights for run in one.runs)
    if not counts:
        return f"nothing was observed {_when(nights)}"
    named = [f"{name} ({_count(n, 'run')})" for name, n in counts.most_common(MAX_SOURCES)]
    others = len(counts) - len(named)
    more = [_count(others, "other source")] if others else []
    return f"observed {_when(nights)}: {_join([*named, *more], 'and')}"


def _when(nights: Sequence[SearchedNight]) -> str:
    return f"{'on' if len(nights) == 1 else 'in the nights'} {_spell_nights(nights)}"


def _spell_nights(nights: Sequence[SearchedNight]) -> str:
    """Spell nights in order; neighbours become a range."""
    ranges: list[tuple[date, date]] = []
    for one in nights:
        if ranges and one.night - ranges[-1][1] == timedelta(days=1):
            ranges[-1] = ranges[-1][0], one.night
        else:
            ranges.append((one.night, one.night))
    return _join((f"{a}" if a == b else f"{a} to {b}" for a, b in ranges), "and")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _join(words: Iterable[str], conjunction: str) -> str:
    *others, last = words
    return f"{', '.join(others)} {conjunction} {last}" if others else last
