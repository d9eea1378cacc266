"""Ten customers from each one: the same purchases, 0 to 9 days earlier.

Usage: earlier.py CUSTOMERS

Reads a table (customer bigint, history crm.history) from standard input, as COPY
writes it in binary form, and writes such a table. The keys are those of the input
and further multiples of CUSTOMERS above them. The bytes of a history begin with the
scale and with the days from 2000-01-01 to the first entry (src/history/codec.h). All
other days are differences, so the first one alone moves the whole history.
"""
import struct
import sys

step = int(sys.argv[1])
source, target = sys.stdin.buffer, sys.stdout.buffer


def varint(data, at):
    number = shift = 0
    while True:
        number |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return number, at


def bytes_of(number):
    data = bytearray()
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    data.append(number)
    return bytes(data)


def earlier(history, days):
    start = 2 if history[1] == 0 else 1  # a zero byte: days as zig-zag
    number, end = varint(history, start)
    return history[:start] + bytes_of(number - days * start) + history[end:]


header = source.read(19)
target.write(header + source.read(struct.unpack("!i", header[15:])[0]))
while True:
    fields = source.read(2)
    if fields == b"\xff\xff":
        break
    _, customer, length = struct.unpack("!iqi", source.read(16))
    history = source.read(length)
    for days in range(10):
        moved = earlier(history, days)
        target.write(fields + struct.pack("!iqi", 8, customer + days * step, len(moved)) + moved)
target.write(b"\xff\xff")
