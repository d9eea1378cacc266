"""pareto_nbd: Pareto/NBD, customers who may leave at any time.

Schmittlein, Morrison & Colombo (1987), Management Science 33(1); Fader & Hardie
(2005), "A note on deriving the Pareto/NBD model"; Fader, Hardie & Lee (2005),
Journal of Marketing Research 42, for the discounted purchases.  A customer buys
at the rate lambda ~ Gamma(r, alpha) and leaves at the rate mu ~ Gamma(s, beta).
"""
from mpmath import mp

import counting
from special import doubling_ends, integral, scaled_exponential_integral


def overlap(r, alpha, s, beta, x, time):
    """Integral of (alpha + u)^-(r + x) (beta + u)^-(s + 1) du from time to infinity.

    It is F(w, second; w + 1; z) / (w (m + time)^w) with w = r + s + x,
    m = max(alpha, beta), z = |alpha - beta| / (m + time). By Euler's transformation
    F becomes a series of positive terms.
    """
    w = r + s + x
    m = max(alpha, beta)
    second = s + 1 if alpha >= beta else r + x
    z = abs(alpha - beta) / (m + time)
    series = (1 - z) ** (1 - second) * mp.hyp2f1(1, w + 1 - second, w + 1, z)
    return series / (w * (m + time) ** w)


def log_here(r, alpha, s, beta, x, t):
    """ln of (alpha + t)^-(r + x) (beta + t)^-s."""
    return -(r + x) * mp.log(alpha + t) - s * mp.log(beta + t)


def odds_of_having_left(r, alpha, s, beta, x, t_x, t):
    """P(left between t_x and t) / P(here at t), given x and t_x."""
    if t_x == t:
        return mp.zero
    left = overlap(r, alpha, s, beta, x, t_x) - overlap(r, alpha, s, beta, x, t)
    return s * left / mp.exp(log_here(r, alpha, s, beta, x, t))


def p_alive(r, alpha, s, beta, x, t_x, t):
    """P(still a customer at t)."""
    return 1 / (1 + odds_of_having_left(r, alpha, s, beta, x, t_x, t))


def log_likelihood(r, alpha, s, beta, x, t_x, t):
    """ln of the likelihood of (x, t_x, t), equation 18 of the note; exactly 0 for x = t = 0."""
    if x == 0 and t == 0:
        return mp.zero
    constant = counting.log_rising(r, x) + r * mp.log(alpha) + s * mp.log(beta)
    odds = odds_of_having_left(r, alpha, s, beta, x, t_x, t)
    return constant + log_here(r, alpha, s, beta, x, t) + mp.log1p(odds)


def expected_of_alive(n, age, s, wait, horizon):
    """E[purchases in the horizon | here now], with lambda ~ Gamma(n, age), mu ~ Gamma(s, wait).

    n / age wait (1 - (wait / (wait + horizon))^(s - 1)) / (s - 1); at s = 1 a logarithm.
    """
    growth = mp.log1p(horizon / wait)
    if s == 1:
        return n / age * wait * growth
    return n / age * wait * -mp.expm1(-(s - 1) * growth) / (s - 1)


def discounted_of_alive(n, age, s, wait, horizon, discount):
    """Discounted expected purchases of a customer who is here now.

    n / age times the integral of e^(-discount u) (wait / (wait + u))^s: to infinity
    n / age wait e^y E_s(y) with y = discount wait, which is the published
    Psi(s, s; y) y^(s - 1); from it goes what lies beyond the horizon.
    """
    def beyond(u):
        y = discount * (wait + u)
        passed = mp.exp(-discount * u) * (wait / (wait + u)) ** s
        return (wait + u) * passed * scaled_exponential_integral(s, y)

    value = beyond(mp.zero)
    if horizon < mp.inf:
        value -= beyond(horizon)
    return n / age * value


def expected(r, alpha, s, beta, x, t_x, t, horizon):
    """E[purchases in (t, t + horizon] | x, t_x, t], equation 41 of the note."""
    return p_alive(r, alpha, s, beta, x, t_x, t) \
        * expected_of_alive(r + x, alpha + t, s, beta + t, horizon)


def expected_new(r, alpha, s, beta, horizon):
    """E[purchases of a new customer in the horizon], equation 27 of the note."""
    return expected_of_alive(r, alpha, s, beta, horizon)


def residual(r, alpha, s, beta, x, t_x, t, horizon, discount):
    """Discounted expected purchases in (t, t + horizon]; the horizon may be infinite."""
    return p_alive(r, alpha, s, beta, x, t_x, t) \
        * discounted_of_alive(r + x, alpha + t, s, beta + t, horizon, discount)


def probability_new(r, alpha, s, beta, x, t):
    """P(a new customer makes x repeat purchases in t).

    The mean of the negative binomial probability over the time that the customer
    is here: all of t, or until the customer leaves at u, with the density
    s beta^s / (beta + u)^(s + 1).
    """
    def left_at(u):
        return s / beta * (beta / (beta + u)) ** (s + 1) * counting.probability(r, alpha, x, u)

    here = (beta / (beta + t)) ** s * counting.probability(r, alpha, x, t)
    if t == 0:
        return here
    return here + integral(left_at, doubling_ends(min(alpha, beta), t))
