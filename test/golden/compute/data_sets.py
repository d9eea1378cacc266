"""data_sets: the public data behind the fits and thresholds, which are not in this repository.

They are looked for in $CRM_SHARED/data, or ../shared/data beside the repository.
A file that is not there is an Absent error, which says where to get it.
"""
import csv
import gzip
import os
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

GOLDEN = Path(__file__).resolve().parent.parent
FOLDER = Path(os.environ.get("CRM_SHARED", GOLDEN.parent.parent.parent / "shared")) / "data"
ENDS = {"cal": date(1997, 9, 30), "all": date(1998, 6, 30)}
END_OF_RETAIL = date(2011, 12, 9)


class Absent(Exception):
    """A data set that is not here."""


def source(name):
    """Where to get a file, as data_sets.csv says."""
    with open(GOLDEN / "data_sets.csv", newline="", encoding="utf-8") as file:
        return next(row["source"] for row in csv.DictReader(file) if row["file"] == name)


@lru_cache(maxsize=None)
def rows(name):
    """The rows of a file of data."""
    path = FOLDER / name
    if not path.exists():
        raise Absent(f"no {path}: make it from {source(name)} (see test/golden/README.md)")
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def cdnow(sample):
    """(customer, day, amount) of each CDNOW row, of all customers or of the published sample."""
    chosen = {row["customer_id"] for row in rows("cdnow_sample_ids.csv")} if sample else None
    for row in rows("cdnow_elog.csv"):
        if chosen is None or row["customer_id"] in chosen:
            yield row["customer_id"], date.fromisoformat(row["date"]), Decimal(row["amount"])


def online_retail():
    """(customer, day, amount) of each invoice with a customer and money, cancellations left out."""
    for row in rows("online_retail_invoices.csv.gz"):
        amount = Decimal(row["amount"])
        if row["customer_id"] and not row["invoice_no"].startswith("C") and amount > 0:
            yield row["customer_id"], date.fromisoformat(row["invoice_ts"][:10]), amount


def facts(name):
    """The facts of a data set, and its last day; the names are those of fits.csv."""
    if name == "online_retail":
        return online_retail(), END_OF_RETAIL
    _, customers, end = name.split("_")
    return cdnow(customers == "sample"), ENDS[end]


@lru_cache(maxsize=None)
def customers(name):
    """(x, t_x, t, mean of the repeat days) of each customer, in days, counting purchase days."""
    found, end = facts(name)
    totals = defaultdict(lambda: defaultdict(Decimal))
    for customer, day, amount in found:
        if day <= end:
            totals[customer][day] += amount
    return [customer_summary(days, end) for days in totals.values()]


def customer_summary(days, end):
    """(x, t_x, t, mean) of a customer with these totals by day."""
    first, x = min(days), len(days) - 1
    repeat = sum(amount for day, amount in days.items() if day > first)
    mean = Fraction(repeat) / x if x > 0 else Fraction(0)
    return x, (max(days) - first).days, (end - first).days, mean


def timing(name, unit):
    """Counter of (x, t_x, t), in days or weeks."""
    if name == "cdnow_sample_summary":
        return Counter((int(row["frequency"]), Fraction(row["recency"]), Fraction(row["t"]))
                       for row in rows("cdnow_sample_summary.csv"))
    length = 7 if unit == "week" else 1
    return Counter((x, Fraction(t_x, length), Fraction(t, length))
                   for x, t_x, t, _ in customers(name))


def spend(name):
    """Counter of (x, mean) of the customers whose repeat purchases have money."""
    if name == "cdnow_sample_summary":
        pairs = ((int(row["frequency"]), Fraction(row["monetary"]))
                 for row in rows("cdnow_sample_summary.csv"))
    else:
        pairs = ((x, mean) for x, _, _, mean in customers(name))
    return Counter((x, mean) for x, mean in pairs if x > 0 and mean > 0)


def donors():
    """Counter of (x, t_x, n), in years."""
    counts = Counter()
    for row in rows("donations.csv"):
        pattern = (int(row["frequency"]), int(row["recency"]), int(row["opportunities"]))
        counts[pattern] = int(row["customers"])
    return counts


def contracts(name):
    """Counter of (whether lost, period) for contracts_SEGMENT_YEARSy."""
    _, segment, years = name.split("_")
    last = int(years[:-1])
    survivors = [int(row["survivors"]) for row in rows("sbg_contracts.csv")
                 if row["segment"] == segment]
    counts = Counter({(False, last): survivors[last]})
    for year in range(1, last + 1):
        counts[True, year] = survivors[year - 1] - survivors[year]
    return counts
