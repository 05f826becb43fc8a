"""Filters of events that IRFs and DL3 files must share, in terms of lstchain's EventSelector."""

SHOWER = 32
"""Event type of showers, `SUBARRAY` in ctapipe.containers.EventType (CTA R1 data model)."""


def event_filters(min_intensity_pe: float) -> dict[str, list[float]]:
    """Return the filters of the AllSky productions' configuration (20250212_v0.10.17).

    Ranges are closed; `intensity` is in p.e..
    """
    positive = [0.0, float("inf")]
    return {
        "intensity": [min_intensity_pe, float("inf")],
        "width": positive,
        "length": positive,
        "r": [0, 1],
        "wl": [0.01, 1],
        "leakage_intensity_width_2": [0, 1],
        "event_type": [SHOWER, SHOWER],
    }
