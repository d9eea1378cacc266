"""gamma_gamma: the Gamma-Gamma model of the amount of a purchase.

Fader & Hardie (2013), "The Gamma-Gamma model of monetary value"; Colombo & Jiang
(1999).  An amount is Gamma(p, nu) with nu ~ Gamma(q, v).
"""
from mpmath import mp


def log_likelihood(p, q, v, x, mean):
    """ln of the density of the mean of x amounts, equation 1a."""
    return (
        mp.loggamma(p * x + q) - mp.loggamma(p * x) - mp.loggamma(q) + q * mp.log(v)
        + (p * x - 1) * mp.log(mean) + p * x * mp.log(x) - (p * x + q) * mp.log(x * mean + v)
    )


def expected_spend(p, q, v, x, mean):
    """E[amount of a purchase | x amounts with this mean], equation 5; of everybody if x = 0."""
    return p * (v + x * mean) / (p * x + q - 1)
