"""make_data_sets.py: makes the files that the golden tests read from public originals.

    python3 test/golden/make_data_sets.py ORIGINALS FOLDER

ORIGINALS holds what was downloaded, as test/golden/README.md says; FOLDER gets a
file for each original that is there.  Only the form changes, no value does.
"""
import csv
import gzip
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path


def day(digits):
    """19970101 as 1997-01-01."""
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


def words(path):
    """The words of each line that begins with a number."""
    with open(path, encoding="ascii") as file:
        return [line.split() for line in file if line.strip()[:1].isdigit()]


def cdnow_elog(path):
    """CDNOW_master.txt: customer, day, CDs, amount."""
    yield "customer_id", "date", "cds", "amount"
    for customer, date, cds, amount in words(path):
        yield int(customer), day(date), cds, amount


def cdnow_sample_ids(path):
    """CDNOW_sample.txt: customer, number in the sample, day, CDs, amount."""
    yield "customer_id", "sample_id"
    yield from sorted({(int(customer), int(sample)) for customer, sample, *_ in words(path)})


def renamed(*names):
    """A reader of a CSV file whose columns get these names."""
    def rows(path):
        yield names
        with open(path, newline="", encoding="ascii") as file:
            yield from list(csv.reader(file))[1:]
    return rows


def online_retail_invoices(path):
    """Online Retail as CSV: one row an invoice, its lines added up.

    A line: invoice, stock code, description, quantity, time, price, customer, country.
    """
    yield "invoice_no", "invoice_ts", "customer_id", "country", "lines", "quantity", "amount"
    invoices = defaultdict(list)
    with open(path, newline="", encoding="utf-8") as file:
        for line in list(csv.reader(file))[1:]:
            invoices[line[0]].append(line)
    for number, lines in invoices.items():
        quantities = [int(line[3]) for line in lines]
        amount = sum(quantity * Decimal(line[5]) for quantity, line in zip(quantities, lines))
        customer = next((line[6].split(".")[0] for line in lines if line[6]), "")
        yield (number, min(line[4] for line in lines), customer, lines[0][7],
               len(lines), sum(quantities), amount)


MADE = (
    ("CDNOW_master.txt", "cdnow_elog.csv", cdnow_elog),
    ("CDNOW_sample.txt", "cdnow_sample_ids.csv", cdnow_sample_ids),
    ("cdnow_customers_summary_with_transactions.csv", "cdnow_sample_summary.csv",
     renamed("sample_id", "frequency", "recency", "t", "monetary")),
    ("donations.csv", "donations.csv",
     renamed("frequency", "recency", "opportunities", "customers")),
    ("online_retail.csv", "online_retail_invoices.csv.gz", online_retail_invoices),
)


def main(originals, folder):
    """Makes what can be made."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for original, name, rows in MADE:
        source = Path(originals) / original
        if not source.exists():
            print(f"{name}: no {source}")
            continue
        opened = gzip.open if name.endswith(".gz") else open
        with opened(Path(folder) / name, "wt", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows(source))
        print(f"{name}: made")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
