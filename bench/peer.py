"""BG/NBD as it is done outside the database, with scipy: the same summaries
(x, t_x, t as CSV on standard input), the same likelihood (Fader, Hardie & Lee
2005), equal rows counted once, logarithmic parameters, L-BFGS-B with the
gradient by differences; then the expected purchases of everyone in a year by
scipy's 2F1. Prints "seconds of the fit, of the expectation, log-likelihood".
Loading the data does not count."""
import sys
import time

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

x, t_x, t = np.loadtxt(sys.stdin, delimiter=",", unpack=True)


def log_likelihood(parameters, x, t_x, t):
    r, alpha, a, b = parameters
    constant = (gammaln(r + x) - gammaln(r) + r * np.log(alpha)
                + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x))
    alive = -(r + x) * np.log(alpha + t)
    gone = np.where(x > 0, np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x), -np.inf)
    return constant + np.logaddexp(alive, gone)


start = time.perf_counter()
rows, counts = np.unique(np.column_stack((x, t_x, t)), axis=0, return_counts=True)
columns = rows.T


def objective(logs):
    return -np.dot(counts, log_likelihood(np.exp(logs), *columns)) / len(x)


fit = minimize(objective, np.zeros(4), method="L-BFGS-B", options={"maxiter": 1000, "ftol": 1e-12})
fitted = time.perf_counter()

r, alpha, a, b = np.exp(fit.x)
horizon = 365 / 7
z = horizon / (alpha + t + horizon)
p_alive = np.where(x > 0, 1 / (1 + a / (b + np.maximum(x, 1) - 1) * ((alpha + t) / (alpha + t_x)) ** (r + x)), 1)
expected = ((a + b + x - 1) / (a - 1) * p_alive
            * (1 - ((alpha + t) / (alpha + t + horizon)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, z)))
done = time.perf_counter()
print(f"{fitted - start:.3f} {done - fitted:.3f} {-fit.fun * len(x):.3f}")
