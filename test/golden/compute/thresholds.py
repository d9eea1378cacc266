"""thresholds: the bounds between RFM scores in rfm_thresholds.csv, exactly, from the purchases.

A bound is the quantile of type 7 (Hyndman & Fan 1996; percentile_cont of SQL): with
h = (n - 1) p the value between those of the ranks floor(h) and floor(h) + 1, counted from 0.
"""
from collections import defaultdict
from datetime import date
from fractions import Fraction

import data_sets
import files


def quantile(values, share):
    """The quantile of sorted values, linear between neighbors."""
    place = (len(values) - 1) * share
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (place - below) * (values[above] - values[below])


def measures(dataset, as_of):
    """For each measure the sorted values of all customers, by the rows up to a day."""
    days, amounts = defaultdict(list), defaultdict(Fraction)
    found = data_sets.online_retail() if dataset == "online_retail" else data_sets.cdnow(True)
    for customer, day, amount in found:
        if day <= as_of:
            days[customer].append(day)
            amounts[customer] += Fraction(amount)
    return {
        "recency_days": sorted((as_of - max(of_one)).days for of_one in days.values()),
        "frequency": sorted(len(of_one) for of_one in days.values()),
        "monetary_total": sorted(amounts.values()),
    }


def differences(dataset, as_of):
    """Where the file and the data disagree, as text, and how many thresholds there are."""
    values = measures(dataset, date.fromisoformat(as_of))
    rows = [row for row in files.read("rfm_thresholds")
            if (row["dataset"], row["as_of"]) == (dataset, as_of)]
    differences = []
    for row in rows:
        value = quantile(values[row["measure"]], Fraction(row["quantile"]))
        if value != Fraction(row["threshold"]):
            differences.append(f"{row} in the file, {float(value)} computed")
    return differences, len(rows)
