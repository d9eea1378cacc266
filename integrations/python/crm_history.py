"""Reads the byte form of crm.history without a database.

The manual of crm describes the form (docs/reference.md, type crm.history). The
bytes come from SELECT history::bytea, from a binary COPY, or from a driver that
fetches in binary. This reader needs nothing but Python 3. It trusts the bytes,
because the server checks every history that it takes.
"""

from datetime import date, timedelta
from decimal import Decimal
from itertools import chain


def read_integer(unread):
    """A variable-length integer: seven bits in a byte, the lowest ones first."""
    value = shift = 0
    while True:
        byte = next(unread)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7


def read_signed(unread):
    """An integer in zig-zag: 0, 1, 2, 3 stand for 0, -1, 1, -2."""
    value = read_integer(unread)
    return value >> 1 ^ -(value & 1)


def entries(data):
    """Yields (day, purchases, amount). The day is a number: see as_date."""
    if data[0] >> 4 != 1:
        raise ValueError(f"form {data[0] >> 4} of crm.history: this reader knows form 1")
    scale, day = data[0] & 0x0F, 0
    unread = iter(data[1:])
    for first in unread:
        days = read_integer(chain((first,), unread))
        if days > 0:
            purchases, units = 1, read_integer(unread)
        else:
            days = read_signed(unread)
            purchases, units = read_integer(unread), read_signed(unread)
        day += days
        yield day, purchases, Decimal(units).scaleb(-scale)


def as_date(day):
    """The date of a day. Python has the years 1 to 9999, and PostgreSQL more."""
    return date(2000, 1, 1) + timedelta(days=day)
