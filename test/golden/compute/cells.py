"""cells: the text of a cell as an exact number, and a number as the text of a cell.

A cell is read as an IEEE double, and the double is taken as exact.  A result is
the exact function of these doubles, rounded to 17 significant digits.  No
working precision is trusted: stable() raises it until the digits stay.
"""
from functools import wraps

from mpmath import mp, mpf

DIGITS = 17
SMALLEST = mpf("1e-300")  # smaller magnitudes are written as 0


def number(cell):
    """The double that the text of a cell names, as an exact number."""
    return mpf(float(cell))


def text(value):
    """The value to 17 significant digits, as the files have it."""
    if abs(value) < SMALLEST:
        return "0"
    return mp.nstr(value, DIGITS)


def agree(one, other, digits=25):
    """Whether two finite numbers have the same leading digits."""
    if not mp.isfinite(other):
        return False
    return one == other or abs(one - other) <= mpf(10) ** -digits * abs(other)


def stable(function, *arguments):
    """function(*arguments) at the first precision that a higher one confirms."""
    before = None
    for precision in (32, 44, 80, 160, 320, 640):
        with mp.workdps(precision):
            value = function(*arguments)
        if before is not None and agree(before, value):
            return value
        before = value
    raise ArithmeticError(f"{function.__name__}{arguments}: the digits do not settle")


def through(function, point):
    """function(point) where the formula divides by 0 but the function has no gap.

    The mean of both sides is wrong only by the square of the step.
    """
    with mp.workdps(3 * mp.dps):
        step = mpf(10) ** (-mp.dps // 3)
        return (function(point - step) + function(point + step)) / 2


def remembered(function):
    """The function, with its results kept for the same arguments at the same precision."""
    known = {}

    @wraps(function)
    def lookup(*arguments):
        key = (mp.prec, *arguments)
        if key not in known:
            known[key] = function(*arguments)
        return known[key]

    return lookup
