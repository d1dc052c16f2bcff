"""How numbers are written for people."""


def loss_text(loss: float, decimals: int = 6) -> str:
    """A loss with so many decimals; a huge one with its exponent, not all its digits.

    >>> loss_text(0.24168812), loss_text(1e300)
    ('0.241688', '1.000000e+300')
    """
    return f"{loss:.{decimals}f}" if abs(loss) < 1e4 else f"{loss:.{decimals}e}"
