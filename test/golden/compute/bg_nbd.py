"""bg_nbd: BG/NBD and MBG/NBD, customers who may leave after each purchase.

Fader, Hardie & Lee (2005), Marketing Science 24(2), equations 3, 8, 9 and 10;
for MBG/NBD Batislam, Denizel & Filiztekin (2007), IJRM 24, and Hoppe & Wagner
(2007).  A customer buys at the rate lambda ~ Gamma(r, alpha) and leaves with
the probability p ~ Beta(a, b) after each repeat purchase.  Under MBG/NBD the
customer may also leave after the first purchase.

A customer has x repeat purchases, the last at t_x, and is still here at t.
Then lambda ~ Gamma(n, age) and p ~ Beta(a, c), with n = r + x, age = alpha + t
and c = b + x (MBG/NBD: c = b + x + 1).  The answers are functions of these four.
"""
from mpmath import mp

import counting
from cells import remembered, through
from special import doubling_ends, integral, scaled_exponential_integral


def kept(kind, b, x):
    """c of the posterior Beta(a, c): b and the number of times the customer stayed."""
    return b + x + (1 if kind == "mbg_nbd" else 0)


@remembered
def log_stayed(a, b, c):
    """ln P(staying c - b times) = ln B(a, c) / B(a, b)."""
    return mp.loggamma(a + b) - mp.loggamma(b) + mp.loggamma(c) - mp.loggamma(a + c)


def odds_of_having_left(kind, r, alpha, a, b, x, t_x, t):
    """P(left by t) / P(here at t): a / (c - 1) ((alpha + t) / (alpha + t_x))^(r + x)."""
    if kind == "bg_nbd" and x == 0:
        return mp.zero
    return a / (kept(kind, b, x) - 1) * ((alpha + t) / (alpha + t_x)) ** (r + x)


def p_alive(kind, r, alpha, a, b, x, t_x, t):
    """P(still a customer at t)."""
    return 1 / (1 + odds_of_having_left(kind, r, alpha, a, b, x, t_x, t))


def log_likelihood(kind, r, alpha, a, b, x, t_x, t):
    """ln of the likelihood of (x, t_x, t), equation 3; exactly 0 for x = t = 0."""
    log_nothing_bought = -r * mp.log1p(t / alpha)
    if x == 0 and kind == "bg_nbd":
        return log_nothing_bought
    if x == 0:
        return mp.log1p(b / (a + b) * mp.expm1(log_nothing_bought))
    c = kept(kind, b, x)
    bought = counting.log_rising(r, x) + r * mp.log(alpha) - (r + x) * mp.log(alpha + t)
    odds = odds_of_having_left(kind, r, alpha, a, b, x, t_x, t)
    return bought + log_stayed(a, b, c) + mp.log1p(odds)


def expected_of_alive(n, age, a, c, horizon):
    """E[purchases in the horizon | here now], equations 9 and 10 after Euler's transformation.

    (a + c - 1) / (a - 1) (1 - (1 - z)^(a - 1) F(a - 1, a + c - 1 - n; a + c - 1; z)),
    z = horizon / (age + horizon), with a limit at a = 1.
    """
    if a == 1:
        return through(lambda near: expected_of_alive(n, age, near, c, horizon), a)
    z = horizon / (age + horizon)
    series = mp.hyp2f1(a - 1, a + c - 1 - n, a + c - 1, z)
    return (a + c - 1) / (a - 1) * (1 - (1 - z) ** (a - 1) * series)


def discounted_by_time(n, age, a, c, horizon, discount):
    """Integral of e^(-discount u) times the purchase rate at u of a customer who is here now.

    The rate is n / age E[(1 + p w)^(-n - 1)] with w = u / age, and the mean over
    p ~ Beta(a, c) is F(n + 1, a; a + c; -w).  Pfaff's transformation makes it
    (1 + w)^(-a) F(a, a + c - n - 1; a + c; w / (1 + w)), which loses no digits.
    What lies beyond e^-110 of the discount is left out.
    """
    def rate(w):
        series = mp.hyp2f1(a, a + c - n - 1, a + c, w / (1 + w))
        return mp.exp(-discount * age * w) * (1 + w) ** (-a) * series

    last = min(horizon / age, 110 / (discount * age))
    decay = discount * age + (n + 1) * a / (a + c)
    return n * integral(rate, doubling_ends(min(1, 1 / decay), last))


def discounted_by_dropout(n, age, a, c, horizon, discount):
    """The same integral with the time inside: a mean over p ~ Beta(a, c).

    Given p the integral to infinity is n / p e^y E_(n + 1)(y), y = discount age / p.
    For a > 1 and large a + c, where p varies little: 20 standard deviations are taken.
    """
    log_beta = mp.loggamma(a) + mp.loggamma(c) - mp.loggamma(a + c)

    def weighted(p):
        y = discount * age / p
        value = scaled_exponential_integral(n + 1, y)
        if horizon < mp.inf:
            grown = 1 + p * horizon / age
            value -= grown ** -n * mp.exp(-discount * horizon) \
                * scaled_exponential_integral(n + 1, y * grown)
        density = mp.exp((a - 1) * mp.log(p) + (c - 1) * mp.log1p(-p) - log_beta)
        return density * n / p * value

    mean = a / (a + c)
    deviation = mp.sqrt(mean * (1 - mean) / (a + c + 1))
    low, high = max(mp.zero, mean - 20 * deviation), min(mp.one, mean + 20 * deviation)
    return integral(weighted, mp.linspace(low, high, 9))


def discounted_of_alive(n, age, a, c, horizon, discount):
    """Discounted expected purchases of a customer who is here now."""
    by = discounted_by_dropout if a > 100 else discounted_by_time
    return by(n, age, a, c, horizon, discount)


def expected(kind, r, alpha, a, b, x, t_x, t, horizon):
    """E[purchases in (t, t + horizon] | x, t_x, t], equation 10."""
    return p_alive(kind, r, alpha, a, b, x, t_x, t) \
        * expected_of_alive(r + x, alpha + t, a, kept(kind, b, x), horizon)


def expected_new(kind, r, alpha, a, b, horizon):
    """E[purchases of a new customer in the horizon], equation 9."""
    return expected(kind, r, alpha, a, b, 0, mp.zero, mp.zero, horizon)


def residual(kind, r, alpha, a, b, x, t_x, t, horizon, discount):
    """Discounted expected purchases in (t, t + horizon]; the horizon may be infinite."""
    return p_alive(kind, r, alpha, a, b, x, t_x, t) \
        * discounted_of_alive(r + x, alpha + t, a, kept(kind, b, x), horizon, discount)


def p_alive_after(kind, r, alpha, a, b, x, t_x, t, horizon):
    """P(still a customer at t + horizon): no purchase in between is the last one.

    Given p it is (1 + p w)^(-n), w = horizon / age, and its mean F(n, a; a + c; -w), in the
    form (1 + w)^(-a) F(a, a + c - n; a + c; w / (1 + w)) of Pfaff.
    """
    n, c, w = r + x, kept(kind, b, x), horizon / (alpha + t)
    stays = (1 + w) ** (-a) * mp.hyp2f1(a, a + c - n, a + c, w / (1 + w))
    return p_alive(kind, r, alpha, a, b, x, t_x, t) * stays


def probability_new(kind, r, alpha, a, b, x, t):
    """P(a new customer makes x repeat purchases in t), equation 8.

    Either the customer is here after x purchases and t is over, or the customer
    left after the last of them, however many more there would have been.
    """
    c = kept(kind, b, x)
    stayed = mp.exp(log_stayed(a, b, c))
    value = stayed * counting.probability(r, alpha, x, t)
    if kind == "mbg_nbd" or x > 0:
        value += stayed * a / (c - 1) * counting.at_least(r, alpha, x, t)
    return value
