"""BG/NBD with scipy, as one writes it by hand outside the database.

The likelihood is that of Fader, Hardie and Lee (2005). Equal rows are counted
once, the parameters are logarithms, and L-BFGS-B takes the gradient by
differences. The expectation is that of everyone in a year, by scipy's 2F1, with
the parameters of crm, so that the sums can be compared.
"""
import json

import numpy as np
import scipy
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

HORIZON = 365 / 7


def version():
    return f"scipy {scipy.__version__}"


def log_likelihood(parameters, x, t_x, t):
    r, alpha, a, b = parameters
    constant = (gammaln(r + x) - gammaln(r) + r * np.log(alpha)
                + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x))
    alive = -(r + x) * np.log(alpha + t)
    gone = np.where(x > 0, np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x), -np.inf)
    return constant + np.logaddexp(alive, gone)


class Engine:
    def __init__(self, folder, processes, as_of):
        self.columns = np.loadtxt(f"{folder}/summary.csv", delimiter=",", usecols=(0, 1, 2), unpack=True)
        with open(f"{folder}/models.json") as file:
            purchases = json.load(file)["purchases"]
        self.parameters = [purchases[name] for name in ("r", "alpha", "a", "b")]

    def fit(self):
        rows, counts = np.unique(self.columns.T, axis=0, return_counts=True)
        columns = np.ascontiguousarray(rows.T)

        def objective(logs):
            return -np.dot(counts, log_likelihood(np.exp(logs), *columns)) / counts.sum()

        found = minimize(objective, np.zeros(4), method="L-BFGS-B", options={"maxiter": 1000, "ftol": 1e-12})
        return lambda: [log_likelihood(np.exp(found.x), *self.columns).sum()]

    def p_alive(self):
        (r, alpha, a, b), (x, t_x, t) = self.parameters, self.columns
        return np.where(x > 0, 1 / (1 + a / (b + np.maximum(x, 1) - 1) * ((alpha + t) / (alpha + t_x)) ** (r + x)), 1)

    def expected_purchases(self):
        (r, alpha, a, b), (x, _, t) = self.parameters, self.columns
        z = HORIZON / (alpha + t + HORIZON)
        return ((a + b + x - 1) / (a - 1) * self.p_alive()
                * (1 - ((alpha + t) / (alpha + t + HORIZON)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, z)))

    def work(self, work, form):
        return {
            "fit_summaries": self.fit,
            "p_alive": lambda: [len(self.columns[0]), self.p_alive().sum()],
            "expected_purchases": lambda: [len(self.columns[0]), self.expected_purchases().sum()],
        }.get(work)
