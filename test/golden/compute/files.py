"""files: the files of values, and for each of their columns the function that computes it.

cells(name, row) gives {column: (function, argument, ...)} for a row of a file.
A column that is not defined in that row is left out, and its cell is empty.
"""
import csv
from functools import partial
from pathlib import Path

from mpmath import mp

import bg_bb
import bg_nbd
import clv
import gamma_gamma
import next_purchase
import pareto_nbd
import regular
import renewal
from cells import number, stable, text

VALUES = Path(__file__).resolve().parent.parent / "values"
NAMES = ("bg_nbd", "mbg_nbd", "pareto_nbd", "bg_bb", "gamma_gamma", "sbg", "bdw", "clv",
         "discounted", "next_purchase")


def numbers(row, *columns):
    """The cells of these columns as exact numbers."""
    return [number(row[column]) for column in columns]


def purchase_functions(name):
    """The functions of a purchase model; BG/NBD and MBG/NBD share theirs."""
    answers = ("log_likelihood", "p_alive", "expected", "expected_new", "residual",
               "probability_new")
    if name == "pareto_nbd":
        return {answer: getattr(pareto_nbd, answer) for answer in answers}
    return {answer: partial(getattr(bg_nbd, answer), name) for answer in answers}


def purchase_cells(name, row):
    """bg_nbd, mbg_nbd and pareto_nbd: a customer with x, t_x, t."""
    answer = purchase_functions(name)
    parameters = numbers(row, *list(row)[1:5])
    x = int(row["x"])
    t_x, t, discount = numbers(row, "t_x", "t", "discount")
    customer = (*parameters, x, t_x, t)
    cells = {
        "log_likelihood": (answer["log_likelihood"], *customer),
        "p_alive": (answer["p_alive"], *customer),
        "residual_52": (answer["residual"], *customer, 52, discount),
        "residual": (answer["residual"], *customer, mp.inf, discount),
    }
    for suffix, horizon in (("10", 10), ("52", 52), ("t", t)):
        cells["expected_new_" + suffix] = (answer["expected_new"], *parameters, horizon)
        cells["expected_" + suffix] = (answer["expected"], *customer, horizon)
    if x <= 100:
        cells["probability_new_x"] = (answer["probability_new"], *parameters, x, t)
    return cells


def occasion_cells(_, row):
    """bg_bb: a customer with x purchases, the last on occasion t_x of n."""
    parameters = numbers(row, "alpha", "beta", "gamma", "delta")
    customer = (*parameters, *(int(row[column]) for column in ("x", "t_x", "n")))
    cells = {
        "log_likelihood": (bg_bb.log_likelihood, *customer),
        "p_alive": (bg_bb.p_alive, *customer, 0),
        "p_alive_next": (bg_bb.p_alive, *customer, 1),
        "expected_new_n": (bg_bb.expected_new, *parameters, int(row["n"])),
        "expected_new_52": (bg_bb.expected_new, *parameters, 52),
        "residual": (bg_bb.residual, *customer, number(row["rate"])),
    }
    for horizon in (1, 10, 52):
        cells[f"expected_{horizon}"] = (bg_bb.expected, *customer, horizon)
    return cells


def spend_cells(_, row):
    """gamma_gamma: a customer with x amounts of this mean."""
    p, q, v, mean = numbers(row, "p", "q", "v", "mean")
    x = int(row["x"])
    cells = {}
    if x > 0:
        cells["log_likelihood"] = (gamma_gamma.log_likelihood, p, q, v, x, mean)
    if q > 1:
        cells["population_mean"] = (gamma_gamma.expected_spend, p, q, v, 0, mp.zero)
    if p * x + q > 1:
        cells["expected_spend"] = (gamma_gamma.expected_spend, p, q, v, x, mean)
    return cells


def renewal_cells(_, row):
    """sbg and bdw: a contract in its period; sbg has no c."""
    alpha, beta, rate = numbers(row, "alpha", "beta", "rate")
    parameters = (alpha, beta, number(row.get("c", "1")))
    contract = (*parameters, int(row["period"]))
    return {
        "loss": (renewal.loss, *contract),
        "survival": (renewal.survival, *contract),
        "retention": (renewal.retention, *contract),
        "log_loss": (renewal.log_loss, *contract),
        "log_survival": (renewal.log_survival, *contract),
        "value_new": (renewal.value_new, *parameters, rate),
        "residual_value": (renewal.residual_value, *contract, rate),
    }


def clv_cells(_, row):
    """clv: a customer under a model of purchases and one of spend."""
    kind, periods, x = row["kind"], int(row["periods"]), int(row["x"])
    purchase = tuple(numbers(row, "p1", "p2", "p3", "p4"))
    spend = tuple(numbers(row, "spend_p", "spend_q", "spend_v"))
    t_x, t, mean = numbers(row, "t_x", "t", "mean")
    discount, length, rate = numbers(row, "discount", "period_length", "rate")
    models = (kind, purchase, spend, (x, t_x, t), mean)
    return {
        "expected_spend": (gamma_gamma.expected_spend, *spend, x, mean),
        "periodic": (clv.periodic, *models, periods, length, rate),
        "continuous": (clv.continuous, *models, periods, length, discount),
        "infinite": (clv.infinite, *models, discount),
    }


def discounted_cells(_, row):
    """discounted: purchases to come at extreme horizons and discounts, and of regular buyers."""
    parameters = numbers(row, "r", "alpha", "a", "b")
    k, x = int(row["k"]), int(row["x"])
    t_x, t, horizon, discount = numbers(row, "t_x", "t", "horizon", "discount")
    if horizon == mp.inf:
        return {"residual": (regular.residual, row["kind"], k, *parameters, x, t_x, t, discount)}
    customer = (row["kind"], *parameters, x, t_x, t, horizon)
    return {
        "residual": (bg_nbd.residual, *customer, discount),
        "p_alive_after": (bg_nbd.p_alive_after, *customer),
    }


def next_purchase_cells(_, row):
    """next_purchase: a customer under a model of purchases; empty where none may come."""
    parameters = tuple(numbers(row, *(f"p{n}" for n in range(1, 5) if row[f"p{n}"])))
    t_x, t, probability = numbers(row, "t_x", "t", "probability")
    customer = (row["kind"], parameters, int(row["x"]), t_x, t, probability)
    if not next_purchase.reached(*customer):
        return {}
    return {"time": (next_purchase.time, *customer)}


CELLS = {
    "bg_nbd": purchase_cells, "mbg_nbd": purchase_cells, "pareto_nbd": purchase_cells,
    "bg_bb": occasion_cells, "gamma_gamma": spend_cells,
    "sbg": renewal_cells, "bdw": renewal_cells, "clv": clv_cells,
    "discounted": discounted_cells, "next_purchase": next_purchase_cells,
}


def read(name):
    """The rows of a file of values."""
    with open(VALUES / f"{name}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    """Rows as a file of values."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def compute(name, row, column):
    """The text of one cell, from the inputs in its row."""
    cell = CELLS[name](name, row).get(column)
    return text(stable(*cell)) if cell else ""


def outputs(name, row):
    """The columns of a file that are computed: those after the inputs."""
    first = {"gamma_gamma": "log_likelihood", "sbg": "loss", "bdw": "loss",
             "clv": "expected_spend", "discounted": "residual", "next_purchase": "time"}.get(name, "log_likelihood")
    columns = list(row)
    return columns[columns.index(first):]
