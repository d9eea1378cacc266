"""The models of the Python package lifetimes, from x, t_x, t and mean amounts.

Equal rows are counted once by the argument "weights" of its fits. Predictions use
the parameters of crm, so that the sums can be compared.
"""
import json

import lifetimes
import numpy as np
import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter, ParetoNBDFitter
from with_scipy import log_likelihood

HORIZON = 365 / 7

# Its fit of Pareto/NBD took 31 to 100 s for 15 000 to 20 000 customers.
LARGEST_PARETO = 10000


def version():
    return f"lifetimes {lifetimes.__version__}"


class Engine:
    def __init__(self, folder, processes, as_of):
        frame = pd.read_csv(f"{folder}/summary.csv", names=["x", "t_x", "t", "mean_amount"])
        self.rows = frame[["x", "t_x", "t"]].to_numpy(dtype=float)
        self.buyers = frame[(frame.x > 0) & (frame.mean_amount > 0)]
        with open(f"{folder}/models.json") as file:
            models = json.load(file)
        self.model = BetaGeoFitter()
        self.model.params_ = pd.Series({name: models["purchases"][name] for name in ("r", "alpha", "a", "b")})
        self.model.predict = self.model.conditional_expected_number_of_purchases_up_to_time

    def distinct(self):
        rows, counts = np.unique(self.rows, axis=0, return_counts=True)
        return (*rows.T, counts)

    def fit(self):
        x, t_x, t, counts = self.distinct()
        model = BetaGeoFitter().fit(x, t_x, t, weights=counts)
        parameters = [model.params_[name] for name in ("r", "alpha", "a", "b")]
        return lambda: [log_likelihood(parameters, *self.rows.T).sum()]

    def fit_pareto(self):
        x, t_x, t, counts = self.distinct()
        model = ParetoNBDFitter().fit(x, t_x, t, weights=counts)
        return [model.params_[name] for name in ("r", "alpha", "s", "beta")]

    def fit_spend(self):
        model = GammaGammaFitter().fit(self.buyers.x, self.buyers.mean_amount)
        return [model.params_[name] for name in ("p", "q", "v")]

    def p_alive(self):
        return [len(self.rows), self.model.conditional_probability_alive(*self.rows.T).sum()]

    def expected_purchases(self):
        return [len(self.rows), self.model.predict(HORIZON, *self.rows.T).sum()]

    def work(self, work, form):
        if work == "fit_pareto" and len(self.rows) > LARGEST_PARETO:
            raise ValueError(f"its fit is too slow for more than {LARGEST_PARETO} customers")
        return {
            "fit_summaries": self.fit,
            "fit_pareto": self.fit_pareto,
            "fit_spend": self.fit_spend,
            "p_alive": self.p_alive,
            "expected_purchases": self.expected_purchases,
        }.get(work)
