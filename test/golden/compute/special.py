"""special: sums and integrals that several models need."""
from mpmath import mp


def gauss_odd(b, c, m):
    """k of the odd number 2 m - 1 in Gauss's continued fraction."""
    if m == 1:
        return b / c
    return (b + m - 1) * (c + m - 2) / ((c + 2 * m - 3) * (c + 2 * m - 2))


def geometric_series(b, c, z):
    """F(1, b; c; z), the sum of (b)_k / (c)_k z^k, for 0 <= z < 1 and large b and c too.

    Gauss's continued fraction (Abramowitz & Stegun, chapter 15; Wall 1948):
    1 / (1 - k1 z / (1 - k2 z / ...)) with k1 = b / c, k2 = (c - b) / (c (c + 1)), ...
    Each step divides the error by (1 + q) / (1 - q), q = sqrt(1 - z), once b and c
    are passed.
    """
    root = mp.sqrt(1 - z)
    steps = int(mp.prec * mp.log(2) / mp.log((1 + root) / (1 - root))) + 20
    value = mp.one
    for m in range(steps // 2 + 1, 0, -1):
        value = 1 - m * (c - b + m - 1) / ((c + 2 * m - 2) * (c + 2 * m - 1)) * z / value
        value = 1 - gauss_odd(b, c, m) * z / value
    return 1 / value


def doubling_ends(first, last):
    """Ends of panels from 0 to last, each twice as far as the one before, for a quadrature."""
    ends = [mp.zero, min(first, last)]
    while ends[-1] < last:
        ends.append(min(2 * ends[-1], last))
    return ends


def integral(function, ends):
    """Integral by Gauss and Legendre's rule on each panel; function is analytic there.

    mp.quad stops by the absolute error, so a rough value brings the integral to about 1 first.
    """
    scale = mp.one
    value = mp.quad(function, ends, method="gauss-legendre", maxdegree=3)
    while value != 0:
        scale *= value
        value = mp.quad(lambda u: function(u) / scale, ends, method="gauss-legendre")
        if 0.1 < abs(value) < 10:
            break
    return value * scale


def scaled_exponential_integral(order, y):
    """e^y E_order(y), E_order(y) being the integral of e^(-y u) / u^order from 1 to infinity.

    Where the continued fraction 1 / (y + order - 1 order / (y + order + 2 - 2 (order + 1)
    / (y + order + 4 - ...))) is short, it is taken (Abramowitz & Stegun 5.1.22, its
    even part), from the front by Lentz's method.
    """
    if order < 50 and y < 10:
        return mp.exp(y) * mp.expint(order, y)
    denominator = y + order
    value = lower = 1 / denominator
    upper, k, factor = mp.inf, 1, mp.zero
    while abs(factor - 1) > mp.eps:
        denominator += 2
        numerator = -k * (order + k - 1)
        lower = 1 / (denominator + numerator * lower)
        upper = denominator + numerator / upper
        factor = upper * lower
        value *= factor
        k += 1
    return value
