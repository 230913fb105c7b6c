"""Sparkline: an hour in sixty strokes, drawn on the server: it needs neither script nor style.

Takes counts a minute, gives an SVG picture whose words say the same for those who do not see it.
"""

from collections.abc import Sequence

from markupsafe import Markup

_HEIGHT, _STEP = 20, 2


def sparkline(counts: Sequence[int], failures: Sequence[int]) -> Markup:
    """Draw a bar a minute, oldest first; the failed part of each at its foot."""
    most = max(*counts, 1)
    strokes = Markup("").join(
        _stroke(place, count, failed, most) for place, (count, failed) in enumerate(zip(counts, failures, strict=True))
    )
    label = f"{sum(counts)} requests in the last hour, {sum(failures)} of them failed"
    return Markup(
        '<svg class="sparkline" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(len(counts) * _STEP, _HEIGHT, label, strokes)


def _stroke(place: int, count: int, failed: int, most: int) -> Markup:
    if not count:
        return Markup("")
    height = max(1.0, count / most * _HEIGHT)
    foot = failed / count * height
    drawn = _bar(place, _HEIGHT - height, height - foot, "good")
    return drawn + _bar(place, _HEIGHT - foot, foot, "bad") if failed else drawn


def _bar(place: int, top: float, height: float, tone: str) -> Markup:
    return Markup('<rect class="is-{}" x="{}" y="{:.1f}" width="1.5" height="{:.1f}"/>').format(
        tone, place * _STEP, top, height
    )
