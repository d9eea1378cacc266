"""counting: purchases of a customer who does not leave, at a Gamma distributed rate (NBD)."""
from mpmath import mp

from cells import remembered


@remembered
def log_rising(r, x):
    """ln of r (r + 1) ... (r + x - 1), which is Gamma(r + x) / Gamma(r)."""
    return mp.loggamma(r + x) - mp.loggamma(r)


def probability(r, alpha, x, t):
    """P(x purchases in t): the negative binomial distribution, Ehrenberg (1959)."""
    if t == 0:
        return mp.mpf(x == 0)
    ways = log_rising(r, x) - mp.loggamma(x + 1)
    return mp.exp(ways - r * mp.log1p(t / alpha) + x * mp.log(t / (alpha + t)))


def at_least(r, alpha, x, t):
    """P(x or more purchases in t): the incomplete beta function I_z(x, r), z = t / (alpha + t)."""
    if x == 0:
        return mp.one
    return mp.betainc(x, r, 0, t / (alpha + t), regularized=True)
