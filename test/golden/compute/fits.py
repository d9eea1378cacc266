"""fits: whether the likelihood of the data is greatest at the parameters of fits.csv.

At a maximum the gradient g of the log-likelihood is 0.  How far it is from 0 is
said by Newton's step from there, (-H)^-1 g with the Hessian H: it is how far the
greatest likelihood still is.  (-H)^-1 is the covariance matrix of the parameters.
Derivatives are central differences at 40 digits, whose error lies below 1e-15.
"""
from functools import partial

from mpmath import mp, mpf

import bg_bb
import bg_nbd
import data_sets
import files
import gamma_gamma
import pareto_nbd
import renewal
from cells import number

PRECISION = 40
STEP = mpf(10) ** -10  # of a difference, relative to the parameter
QUICK = ("sbg", "bdw", "bg_bb")  # kinds of which few customers differ
BOUNDS = {
    "log-likelihood": mpf(10) ** -15,
    "step": mpf(10) ** -10,
    "standard errors": mpf(10) ** -8,
    "covariances": mpf(10) ** -7,
}


def contract_log_likelihood(kind, *arguments):
    """ln of the probability that a contract is lost at the end of a period, or outlives it."""
    *parameters, lost, period = arguments
    if kind == "sbg":
        parameters.append(mp.one)
    function = renewal.log_loss if lost else renewal.log_survival
    return function(*parameters, period)


def data(dataset, kind, unit):
    """Counter of what is known of a customer, by what they were fitted on."""
    if kind in ("sbg", "bdw"):
        return data_sets.contracts(dataset)
    if kind == "bg_bb":
        return data_sets.donors()
    if kind == "gamma_gamma":
        return data_sets.spend(dataset)
    return data_sets.timing(dataset, unit)


def customer_function(kind):
    """The log-likelihood of one customer as a function of the parameters and the customer."""
    return {
        "sbg": partial(contract_log_likelihood, "sbg"),
        "bdw": partial(contract_log_likelihood, "bdw"),
        "bg_bb": bg_bb.log_likelihood,
        "gamma_gamma": gamma_gamma.log_likelihood,
        "pareto_nbd": pareto_nbd.log_likelihood,
    }.get(kind, partial(bg_nbd.log_likelihood, kind))


def exact(value):
    """A count as it is, a fraction at the working precision."""
    return value if isinstance(value, int) else mpf(value.numerator) / value.denominator


def log_likelihood(kind, counts, parameters):
    """The log-likelihood of all customers."""
    one = customer_function(kind)
    return mp.fsum(count * one(*parameters, *map(exact, customer))
                   for customer, count in counts.items())


def moved(parameters, *steps):
    """The parameters, with steps (index, distance) taken."""
    result = list(parameters)
    for index, distance in steps:
        result[index] += distance
    return result


def derivatives(function, parameters):
    """The gradient and the Hessian by central differences, a mixed one by 2 values more.

    f_ij = (f(+i +j) + f(-i -j) - f(+i) - f(-i) - f(+j) - f(-j) + 2 f) / (2 h_i h_j)
    """
    size, here = len(parameters), function(parameters)
    steps = [abs(parameter) * STEP for parameter in parameters]

    def at(*signs):
        return function(moved(parameters, *((i, sign * steps[i]) for i, sign in signs)))

    plus = [at((i, 1)) for i in range(size)]
    minus = [at((i, -1)) for i in range(size)]
    gradient = mp.matrix([(plus[i] - minus[i]) / (2 * steps[i]) for i in range(size)])
    hessian = mp.matrix(size)
    for i in range(size):
        hessian[i, i] = (plus[i] + minus[i] - 2 * here) / steps[i] ** 2
        for j in range(i):
            corners = at((i, 1), (j, 1)) + at((i, -1), (j, -1))
            edges = plus[i] + minus[i] + plus[j] + minus[j]
            hessian[i, j] = hessian[j, i] = (corners - edges + 2 * here) / (2 * steps[i] * steps[j])
    return here, gradient, hessian


def read():
    """The fits: {(dataset, kind, unit): rows of fits.csv}, and those of fit_covariances.csv."""
    fits, covariances = {}, {}
    for row in files.read("fits"):
        fits.setdefault((row["dataset"], row["kind"], row["unit"]), []).append(row)
    for row in files.read("fit_covariances"):
        covariances.setdefault((row["dataset"], row["kind"], row["unit"]), []).append(row)
    return fits, covariances


def optimum(key, rows):
    """The log-likelihood of a fit, Newton's step from its parameters, and their covariances."""
    dataset, kind, unit = key
    counts = data(dataset, kind, unit)
    parameters = [number(row["value"]) for row in rows]
    here, gradient, hessian = derivatives(lambda p: log_likelihood(kind, counts, p), parameters)
    covariance = (-hessian) ** -1
    return here, covariance * gradient, covariance


def deviations(key, rows, covariances):
    """How far a fit of the file is from the greatest likelihood, and its numbers from those here.

    Newton's step counts in standard errors, a covariance in the product of two.
    """
    here, step, covariance = optimum(key, rows)
    place = {row["parameter"]: i for i, row in enumerate(rows)}
    error = [mp.sqrt(covariance[i, i]) for i in place.values()]
    off = [mpf(0)]
    for row in covariances:
        i, j = place[row["parameter"]], place[row["other_parameter"]]
        off.append(abs(number(row["covariance"]) - covariance[i, j]) / (error[i] * error[j]))
    return {
        "log-likelihood": abs(here / number(rows[0]["log_likelihood"]) - 1),
        "step": max(abs(step[i]) / error[i] for i in place.values()),
        "standard errors": max(abs(number(row["std_error"]) / error[i] - 1)
                               for i, row in enumerate(rows)),
        "covariances": max(off),
    }


def deviations_without_maximum(key, rows):
    """The log-likelihood alone: the search stopped on a way that has no end."""
    dataset, kind, unit = key
    parameters = [number(row["value"]) for row in rows]
    here = log_likelihood(kind, data(dataset, kind, unit), parameters)
    return {"log-likelihood": abs(here / number(rows[0]["log_likelihood"]) - 1)}


def check(key):
    """(whether a fit is as good as BOUNDS say, what was found)."""
    fits, covariances = read()
    with mp.workdps(PRECISION):
        if fits[key][0]["status"] == "ok":
            found = deviations(key, fits[key], covariances[key])
        else:
            found = deviations_without_maximum(key, fits[key])
        text = ", ".join(f"{name} {mp.nstr(value, 2)}" for name, value in found.items())
        return all(value <= BOUNDS[name] for name, value in found.items()), text
