"""bg_bb: BG/BB, purchases on regular occasions.

Fader, Hardie & Shang (2010), Marketing Science 29(6), equations 4, 6, 8, 13 and
14.  A customer who is here buys on an occasion with the probability p ~
Beta(alpha, beta), and leaves before each occasion with the probability theta ~
Beta(gamma, delta).
"""
from mpmath import mp

from cells import through
from special import geometric_series


def beta_ratio(a, b, more_a, more_b):
    """B(a + more_a, b + more_b) / B(a, b)."""
    if more_a == 0 and more_b == 0:
        return mp.one
    both, more = a + b, more_a + more_b
    rises = mp.loggamma(a + more_a) - mp.loggamma(a) + mp.loggamma(b + more_b) - mp.loggamma(b)
    return mp.exp(rises - mp.loggamma(both + more) + mp.loggamma(both))


def left_after(alpha, beta, gamma, delta, x, t_x, n):
    """Sum over i = t_x ... n - 1 of P(x purchases in i occasions, then left), equation 4.

    One term gives the next: the betas change by a rational factor.
    """
    term = beta_ratio(alpha, beta, x, t_x - x) * beta_ratio(gamma, delta, 1, t_x)
    total = mp.zero
    for i in range(t_x, n):
        total += term
        term *= (beta + i - x) / (alpha + beta + i) * (delta + i) / (gamma + delta + 1 + i)
    return total


def here_after(alpha, beta, gamma, delta, x, n, later=0):
    """P(x purchases in n occasions, and still here after "later" more)."""
    return beta_ratio(alpha, beta, x, n - x) * beta_ratio(gamma, delta, 0, n + later)


def likelihood(alpha, beta, gamma, delta, x, t_x, n):
    """Equation 4, of one order of purchases (no binomial coefficient)."""
    return here_after(alpha, beta, gamma, delta, x, n) \
        + left_after(alpha, beta, gamma, delta, x, t_x, n)


def log_likelihood(alpha, beta, gamma, delta, x, t_x, n):
    """ln of the likelihood."""
    return mp.log(likelihood(alpha, beta, gamma, delta, x, t_x, n))


def p_alive(alpha, beta, gamma, delta, x, t_x, n, later):
    """P(here after n + later occasions | x, t_x, n); later = 1 is equation 11."""
    return here_after(alpha, beta, gamma, delta, x, n, later) \
        / likelihood(alpha, beta, gamma, delta, x, t_x, n)


def expected_new(alpha, beta, gamma, delta, n):
    """E[purchases on the first n occasions], equation 8, with a limit at gamma = 1."""
    if gamma == 1:
        return through(lambda near: expected_new(alpha, beta, near, delta, n), gamma)
    here = beta_ratio(gamma, delta, 0, n) * (delta + n) / delta
    return alpha / (alpha + beta) * delta / (gamma - 1) * (1 - here)


def expected(alpha, beta, gamma, delta, x, t_x, n, horizon):
    """E[purchases on the next occasions | x, t_x, n], equation 13.

    A customer who is here after n occasions is a new customer with
    Beta(alpha + x, beta + n - x) and Beta(gamma, delta + n).
    """
    return p_alive(alpha, beta, gamma, delta, x, t_x, n, 0) \
        * expected_new(alpha + x, beta + n - x, gamma, delta + n, horizon)


def residual(alpha, beta, gamma, delta, x, t_x, n, rate):
    """Discounted expected purchases on all later occasions, equation 14."""
    series = geometric_series(delta + n + 1, gamma + delta + n + 1, 1 / (1 + rate))
    first = (alpha + x) / (alpha + beta + n) / (1 + rate)
    return p_alive(alpha, beta, gamma, delta, x, t_x, n, 1) * first * series
