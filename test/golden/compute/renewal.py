"""renewal: sBG and BdW, contracts that are renewed or not at the end of each period.

Fader & Hardie (2007), Journal of Interactive Marketing 21(1), and (2010),
Marketing Science 29(1); for BdW Fader, Hardie, Liu, Davin & Steenburgh (2018).
A customer renews with the probability 1 - theta, theta ~ Beta(alpha, beta);
under BdW the t-th renewal counts as t^c - (t - 1)^c.  c = 1 is sBG.
"""
from mpmath import mp

from special import geometric_series


def log_survival(alpha, beta, c, period):
    """ln S(period) = ln B(alpha, beta + period^c) / B(alpha, beta)."""
    if period == 0:
        return mp.zero
    lived = mp.mpf(period) ** c
    return mp.loggamma(beta + lived) - mp.loggamma(alpha + beta + lived) \
        + mp.loggamma(alpha + beta) - mp.loggamma(beta)


def survival(alpha, beta, c, period):
    """S(period)."""
    return mp.exp(log_survival(alpha, beta, c, period))


def retention(alpha, beta, c, period):
    """S(period) / S(period - 1)."""
    return mp.exp(log_survival(alpha, beta, c, period) - log_survival(alpha, beta, c, period - 1))


def log_loss(alpha, beta, c, period):
    """ln P(lost at the end of the period) = ln (S(period - 1) - S(period))."""
    lost = 1 - retention(alpha, beta, c, period)
    return log_survival(alpha, beta, c, period - 1) + mp.log(lost)


def loss(alpha, beta, c, period):
    """P(lost at the end of the period)."""
    return mp.exp(log_loss(alpha, beta, c, period))


def value_from(alpha, beta, c, first, rate):
    """Sum over k >= first of S(k) / (1 + rate)^(k - first).

    Each term is less than 1 / (1 + rate) of the term before it, which bounds the
    rest.  S of all terms is taken at one precision, as for a single one.
    """
    if c == 1:
        return survival(alpha, beta, c, first) \
            * geometric_series(beta + first, alpha + beta + first, 1 / (1 + rate))
    total, discount, period = mp.zero, mp.one, first
    while True:
        term = survival(alpha, beta, c, period) * discount
        total += term
        if term / rate < mp.eps * total:
            return total
        discount /= 1 + rate
        period += 1


def value_new(alpha, beta, c, rate):
    """Discounted periods that a customer is expected to pay for, the first of them now."""
    return value_from(alpha, beta, c, 0, rate)


def residual_value(alpha, beta, c, period, rate):
    """The same for a customer just before the renewal at the end of the period."""
    return value_from(alpha, beta, c, period, rate) / survival(alpha, beta, c, period - 1)
