"""next_purchase: the time until the next purchase comes with a given probability.

A customer who is alive at t buys at the rate lambda ~ Gamma(r + x, alpha + t).
Under BG/NBD, MBG/NBD and NBD nobody leaves before a purchase, so the next one
comes within h with P(alive) (1 - ((alpha + t) / (alpha + t + h))^(r + x)).
Under Pareto/NBD it must also come before leaving: the density of its time is
multiplied by ((beta + t) / (beta + t + u))^s.
"""
from mpmath import mp

import bg_nbd
import pareto_nbd


def pareto_share(n, age, s, wait, horizon):
    """P(a purchase within the horizon and before leaving | here now), by integration."""
    def density(u):
        return n / age * (1 + u / age) ** (-n - 1) * (1 + u / wait) ** -s

    if horizon == mp.inf:
        return mp.quad(density, [0, age / n, age, age + wait, 10 * (age + wait), mp.inf])
    return mp.quad(density, mp.linspace(0, horizon, 9))


def probability_within(kind, parameters, x, t_x, t, horizon):
    """P(at least one purchase in the horizon after t, given x, t_x, t)."""
    if kind == "pareto_nbd":
        r, alpha, s, beta = parameters
        return pareto_nbd.p_alive(r, alpha, s, beta, x, t_x, t) \
            * pareto_share(r + x, alpha + t, s, beta + t, horizon)
    r, alpha = parameters[:2]
    alive = mp.one if kind == "nbd" else bg_nbd.p_alive(kind, *parameters, x, t_x, t)
    return alive * (1 - ((alpha + t) / (alpha + t + horizon)) ** (r + x))


def reached(kind, parameters, x, t_x, t, probability):
    """Whether any horizon reaches the probability."""
    return probability_within(kind, parameters, x, t_x, t, mp.inf) > probability


def time(kind, parameters, x, t_x, t, probability):
    """The horizon that reaches the probability, by bisection and the secant."""
    high = mp.one
    while probability_within(kind, parameters, x, t_x, t, high) < probability:
        high *= 2
    return mp.findroot(
        lambda h: probability_within(kind, parameters, x, t_x, t, h) - probability,
        (mp.zero, high), solver="anderson", tol=mp.mpf(10) ** (-2 * mp.dps + 10), maxsteps=200)
