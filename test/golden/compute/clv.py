"""clv: customer lifetime value, expected spend times discounted expected purchases."""
from mpmath import mp

import bg_nbd
import gamma_gamma
import pareto_nbd


def expected_purchases(kind, parameters, history, horizon):
    """Expected purchases under the model of that kind."""
    if kind == "pareto_nbd":
        return pareto_nbd.expected(*parameters, *history, horizon)
    return bg_nbd.expected(kind, *parameters, *history, horizon)


def residual_purchases(kind, parameters, history, horizon, discount):
    """Discounted expected purchases under the model of that kind."""
    if kind == "pareto_nbd":
        return pareto_nbd.residual(*parameters, *history, horizon, discount)
    return bg_nbd.residual(kind, *parameters, *history, horizon, discount)


def periodic(kind, parameters, spend, history, mean, periods, length, rate):
    """Spend times the purchases of each period, discounted at its end."""
    total = before = mp.zero
    for period in range(1, periods + 1):
        now = expected_purchases(kind, parameters, history, period * length)
        total += (now - before) / (1 + rate) ** period
        before = now
    return gamma_gamma.expected_spend(*spend, history[0], mean) * total


def continuous(kind, parameters, spend, history, mean, periods, length, discount):
    """Spend times the purchases of all periods, discounted from the moment of each."""
    return gamma_gamma.expected_spend(*spend, history[0], mean) \
        * residual_purchases(kind, parameters, history, periods * length, discount)


def infinite(kind, parameters, spend, history, mean, discount):
    """The same without an end."""
    return continuous(kind, parameters, spend, history, mean, 1, mp.inf, discount)
