"""regular: BG/CNBD-k and MBG/CNBD-k, customers who buy at every k-th event.

Platzer (2008); Reutterer, Platzer & Schroeder (2020), IJRM.  Events come at the rate
lambda ~ Gamma(r, alpha), every k-th of them is a purchase, and the customer leaves
after a purchase with the probability p ~ Beta(a, b), under MBG/CNBD-k also after the
first one.  Since the last purchase i < k events have come, with (lambda (t - t_x))^i / i!
in the likelihood.  A customer of known lambda who stays forever would be worth

    v^(k - i) + v^(2 k - i) + ...,  v = lambda / (lambda + discount),

and the chance of staying j times is (c)_j / (a + c)_j, c being b and the times stayed.
"""
from mpmath import mp

from special import geometric_series, integral


def silences(k, rate, since):
    """(i, weight) for i < k events since the last purchase, without exp(-rate since)."""
    weight = mp.one
    for i in range(k):
        yield i, weight
        weight *= rate * since / (i + 1)


def residual(kind, k, r, alpha, a, b, x, t_x, t, discount):
    """Discounted expected purchases after t, without end."""
    n, age, since = r + k * x, alpha + t, t - t_x
    stays = x + (1 if kind == "mbg_cnbd_k" else 0)
    c = b + stays

    def density(y):
        """Gamma(n, age) of e^y, relative to its value at the mode."""
        mode = mp.log(n / age)
        return mp.exp(n * (y - mode) - n * mp.expm1(y - mode))

    def worth(y):
        rate = mp.exp(y)
        v = rate / (rate + discount)
        ever = geometric_series(c, a + c, v ** k)
        return density(y) * ever * sum(w * v ** (k - i) for i, w in silences(k, rate, since))

    # The integral of the density is Gamma(n) e^n / n^n; a silence of i events adds (n)_i.
    here = sum(w * mp.rf(n, i) / age ** i for i, w in silences(k, mp.one, since))
    total = mp.exp(mp.loggamma(n) + n - n * mp.log(n)) * here
    width = 1 / mp.sqrt(n) + mp.one / 4
    middle = mp.log(n / age)
    lowest = min(middle - 12 * width, mp.log(discount) - 5) - 80 / (n + k)
    ends = mp.linspace(lowest, mp.log((n + 12 * mp.sqrt(n) + 120) / age), 33)
    value = integral(worth, ends) / total
    if stays == 0:
        return value
    odds = a / (c - 1) * (age / (alpha + t_x)) ** n / here
    return value / (1 + odds)
