"""Compares crm_history with the text form: lines "hexadecimal bytes TAB text".

The days are counted here by a formula of their own, because Python has no dates
outside the years 1 to 9999. A civil day of the Gregorian calendar is counted from
the first of March of the year 0, so that the leap day is the last of its year.
"""

import json
import sys
from decimal import Decimal

import crm_history


def day_number(text):
    """Days since 2000-01-01 of YYYY-MM-DD, with " BC" before the year 1."""
    year, month, day = (int(part) for part in text.removesuffix(" BC").split("-"))
    if text.endswith(" BC"):
        year = 1 - year
    year -= month < 3
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day - 730426


def expected(text):
    return [(day_number(day), purchases, Decimal(amount))
            for day, purchases, amount in json.loads(text, parse_float=Decimal)]


count = differ = 0
for line in sys.stdin:
    data, text = line.rstrip("\n").split("\t")
    # repr, because the scale must be the same: 12.50 is not 12.5.
    read, wanted = list(crm_history.entries(bytes.fromhex(data))), expected(text)
    count += 1
    if repr(read) != repr(wanted):
        differ += 1
        print(f"{data}: {read} instead of {wanted}")
    for day, _, _ in read:
        if 0 < day < 10000:
            assert day_number(crm_history.as_date(day).isoformat()) == day
print(f"{count} histories, {differ} differ")
