"""How numbers are written on the page: as people write them by hand."""

from __future__ import annotations

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power_of_ten(power: int) -> str:
    """10 to a whole power.

    >>> power_of_ten(-5)
    '10⁻⁵'
    """
    return f"10{str(power).translate(SUPERSCRIPTS)}"


def sci(x: float, sign: bool = False) -> str:
    """x with two digits; with a plus before it if `sign` and it is positive.

    >>> sci(4.18e-05), sci(0.0), sci(-0.25, sign=True), sci(0.004)
    ('4.2·10⁻⁵', '0', '−0.25', '0.004')
    """
    if x == 0:
        return "0"
    digits, _, power = f"{x:+.1e}".partition("e")
    if 1e-3 <= abs(x) < 1e4:
        text = f"{x:+.2g}" if abs(x) < 10 else f"{x:+.0f}"
    else:
        text = f"{digits}·{power_of_ten(int(power))}"
    return (text if sign else text.lstrip("+")).replace("-", "−", 1)


def six_decimals(loss: float) -> str:
    """A loss with six decimals, unless it is huge."""
    return f"{loss:.6f}" if loss < 1e4 else sci(loss)
