"""docs/performance.md from the times of one run of scripts/bench.

Usage: document.py ROWS RESULTS MACHINE SIZES

ROWS is bench/rows.tsv. RESULTS has a line for each time, as scripts/bench_measure.sh
writes it. MACHINE has lines "name TAB value", and SIZES has sentences on the rows.
Nothing is rounded to look better: a time has three digits, a ratio two.
"""
import collections
import sys

CONFIGURATIONS = {
    "one": "one process, `jit = off`",
    "two": "two processes, `jit = off`",
    "default_one": "one process, `jit = on`, `work_mem = 4MB`",
    "default_two": "two processes, `jit = on`, `work_mem = 4MB`",
}
CONTENDERS = {
    "plain": "plain SQL",
    "duckdb:orders": "DuckDB, from orders",
    "duckdb:stored": "DuckDB, stored",
    "polars:orders": "Polars, from orders",
    "polars:stored": "Polars, stored",
}
OTHERS = {
    "clickhouse:stored": "ClickHouse",
    "lifetimes:stored": "lifetimes",
    "scipy:stored": "scipy",
}
BESIDE = ("numbers", "models", "journeys")
WORKSPACE = {
    "workspace": "A workspace over the orders",
    "program": "A program, stages and growth of everyone",
    "points": "Points of 240 000 orders of 20 000 customers, with `jit = on` and `work_mem = 4MB`",
    "views": "Views of everyone, with `jit = on` and `work_mem = 4MB`",
}

Row = collections.namedtuple("Row", "key section title goal reason")
Time = collections.namedtuple("Time", "milliseconds runs note")


def lines(name):
    with open(name) as file:
        return [line.rstrip("\n").split("\t") for line in file if line.strip() and line[0] != "#"]


def read(rows_file, results_file):
    rows = [Row(*(fields + [""] * (5 - len(fields)))) for fields in lines(rows_file)]
    times = {}
    for size, configuration, work, contender, milliseconds, runs, note in lines(results_file):
        times[int(size), configuration, work, contender] = Time(
            float(milliseconds) if milliseconds else None, int(runs), note)
    return rows, times


def seconds(time):
    """Three digits, and a mark where there are fewer than five runs."""
    number = time.milliseconds / 1000
    digits = 0 if number >= 100 else 1 if number >= 10 else 2 if number >= 1 else 3
    if number < 0.1:
        digits = 4
    return f"{number:,.{digits}f} s{ {1: '**', 3: '*'}.get(time.runs, '') }".replace("*", "\\*")


def ratio(other, ours):
    value = other.milliseconds / ours.milliseconds
    if value >= 10:
        return f"{value:,.0f} x"
    return f"{value:.1f} x" if value >= 1 else f"{value:.2f} x" if value >= 0.1 else f"{value:.2g} x"


def cell(time, ours, name=""):
    if time is None:
        return ""
    if time.milliseconds is None:
        return f"{name} not measured".strip()
    text = f"{name} {seconds(time)}".strip()
    return text if ours is None or ours.milliseconds is None else f"{text} ({ratio(time, ours)})"


def titled(size):
    return f"{size:,}".replace(",", " ")


class Document:
    def __init__(self, rows, times):
        self.rows, self.times = rows, times

    def time(self, size, configuration, work, contender):
        return self.times.get((size, configuration, work, contender))

    def measured(self, size, configuration, sections):
        return [row for row in self.rows if row.section in sections
                and self.time(size, configuration, row.key, "crm")]

    def side_by_side(self, size, configuration):
        rows = self.measured(size, configuration, BESIDE)
        yield "| work | crm | " + " | ".join(CONTENDERS.values()) + " | others | goal |"
        yield "| --- " + "| ---: " * (len(CONTENDERS) + 1) + "| ---: | ---: |"
        for row in rows:
            ours = self.time(size, configuration, row.key, "crm")
            cells = [cell(ours, None)]
            cells += [cell(self.time(size, configuration, row.key, contender), ours) for contender in CONTENDERS]
            others = [cell(time, ours, name) for name, time in self.others(size, configuration, row, OTHERS)]
            yield f"| {row.title} | " + " | ".join(cells + [", ".join(others), row.goal]) + " |"
        yield ""
        yield from self.notes(size, configuration, rows)

    def others(self, size, configuration, row, names):
        """The times of other programs, with their names."""
        for contender, name in names.items():
            time = self.time(size, configuration, row.key, contender)
            if time:
                yield ("what stands beside it" if contender == "plain" and "beside it" in row.title else name), time

    def misses(self, size, configuration, row):
        """Whether the goal is missed: seconds of crm, or so many times as fast as plain SQL."""
        if not row.goal:
            return False
        number, unit = row.goal.split()
        ours = self.time(size, configuration, row.key, "crm")
        if unit == "s":
            return ours.milliseconds > float(number) * 1000
        plain = self.time(size, configuration, row.key, "plain")
        return bool(plain and plain.milliseconds) and plain.milliseconds < float(number) * ours.milliseconds

    def notes(self, size, configuration, rows):
        """Who was faster and why, which goal is missed and why, and what was not measured and why."""
        for row in rows:
            ours = self.time(size, configuration, row.key, "crm")
            faster, missing = [], []
            if ours.milliseconds is None:
                missing.append(f"`crm` ({ours.note})")
            for name, time in self.others(size, configuration, row, {**CONTENDERS, **OTHERS}):
                if time.milliseconds is None:
                    missing.append(f"{name} ({time.note})")
                elif ours.milliseconds and time.milliseconds < ours.milliseconds:
                    faster.append(f"{name} ({ratio(time, ours)})")
            said = [f"`crm` is slower than {' and '.join(faster)}."] if faster else []
            if ours.milliseconds and self.misses(size, configuration, row):
                said.append("The goal is missed.")
            if said:
                reason = row.reason or "The reason has not been profiled yet."
                yield f"* **{row.title}**: {' '.join(said)} {reason}"
            if missing:
                yield f"* **{row.title}**: not measured: {', '.join(missing)}."
        yield ""

    def configurations(self, size, names):
        yield "| work | " + " | ".join(CONFIGURATIONS[name] for name in names) + " |"
        yield "| --- " + "| ---: " * len(names) + "|"
        for row in self.measured(size, names[0], BESIDE):
            cells = []
            for name in names:
                ours, plain = (self.time(size, name, row.key, contender) for contender in ("crm", "plain"))
                cells.append(cell(ours, None) + (f", plain SQL {cell(plain, ours)}" if plain and ours else ""))
            yield f"| {row.title} | " + " | ".join(cells) + " |"
        yield ""

    def sizes(self, sizes):
        yield "| work | " + " | ".join(f"{titled(size)} customers" for size in sizes) + " |"
        yield "| --- " + "| ---: " * len(sizes) + "|"
        for row in self.rows:
            cells = [cell(self.time(size, "one", row.key, "crm"), None) or "not measured" for size in sizes]
            if set(cells) != {"not measured"}:
                yield f"| {row.title} | " + " | ".join(cells) + " |"
        yield ""

    def workspace(self, size):
        for section, title in WORKSPACE.items():
            rows = self.measured(size, "one", [section])
            if not rows:
                continue
            yield f"### {title}"
            yield ""
            yield "| work | crm | beside it | goal | |"
            yield "| --- | ---: | ---: | ---: | --- |"
            for row in rows:
                ours = self.time(size, "one", row.key, "crm")
                others = [cell(time, ours, "" if "beside" in name else name)
                          for name, time in self.others(size, "one", row, {**CONTENDERS, **OTHERS})]
                yield f"| {row.title} | {cell(ours, None)} | {', '.join(others)} | {row.goal} | {ours.note} |"
            yield ""
            yield from self.notes(size, "one", rows)


INTRO = """# Performance

`make bench` measures on your machine and prints this page. It makes orders of invented customers and times each piece of work in `crm`,
in plain SQL on the same server, and in DuckDB, Polars, ClickHouse, lifetimes and scipy on the same rows. `scripts/bench --document` writes
the page. `scripts/bench --quick` takes 100 000 customers in place of a million, and `scripts/bench --help` names the rest.

## How it was measured

* One run of the bench made all numbers of this page. The contenders of a row ran in turn, so that all saw the same machine.
* A time is the median of 5 runs. One asterisk marks the median of 3 runs, and two asterisks mark a single run.
  A time below 2 s has 5 runs, one below 5 s has 3, and a longer one has one run. Reviews change what they read, so they have at most 3 runs.
* The number in parentheses is the time of the other program divided by that of `crm`. Above 1 x, `crm` is faster. A goal in seconds is
  for `crm`, and a goal in x is for plain SQL or what stands beside.
* A program that gives another result than `crm` gets no time. Its sums over all customers were compared before. Plain SQL was compared
  on the rows of up to 20 000 customers. The parameters of a fit may differ in the fourth digit, other numbers in the seventh.
* `crm` starts from stored histories, except in the rows about histories from orders. A stored history answers for every day.
* "From orders" means from the rows of all orders, in memory. "Stored" means from what one would keep beside the orders in that program: a
  summary of each customer as of one day, and the revenue of each customer and month. The summary answers for that day only, and making it
  again for another day takes the time of "from orders". ClickHouse reads tables that are sorted by customer. No program was timed
  while it loaded rows.
* All orders went into the tables of the workspace without triggers (`session_replication_role = replica`), because row by row through
  triggers and foreign keys this takes several minutes. Their histories are those that `crm.build_histories` made. The first row about the
  workspace measures how a part of the orders goes in with triggers.
* Funnels, pairs of products and attribution are of at most 200 000 customers, and of all with `--configurations`.
* Where `crm` is slower or misses a goal, the reason stands below the table. Percentages "by perf" come from perf with 50 000 customers.
  Shares of the processor time come from parts of the work with a million customers.
* In PostgreSQL, the statement was timed by `EXPLAIN (ANALYZE, TIMING OFF)`, which runs all of it but the sending of the rows. The other
  programs add up the columns of their results, so they send nothing either.
"""

TAIL = """## How to repeat it

```
scripts/bench --document          # this page, for 1 000 000 customers
scripts/bench --all --document    # 100 000, 1 000 000 and 10 000 000 customers, all configurations
```

The bench uses a private server, so nothing of yours is touched. It installs the other programs below `~/.cache/crm-bench`. Without them it
says that their times were not measured.

Access to memory limits a `GROUP BY customer_id` over many orders. An index on `(customer_id) INCLUDE (day, amount)` helps, and so do hash
partitions by customer with `enable_partitionwise_aggregate`. They help `crm.history_agg` as much as they help plain SQL.
`crm.build_histories` needs neither.
"""


def page(rows, times, machine, sentences):
    document = Document(rows, times)
    sizes = sorted({key[0] for key in times})
    found = [name for name in CONFIGURATIONS if any(key[1] == name for key in times)]
    main = 1000000 if 1000000 in sizes else sizes[-1]
    yield INTRO
    yield "## The machine"
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    for name, value in machine:
        yield f"| {name} | {value} |"
    yield ""
    yield " ".join(sentences)
    yield ""
    for size in [main] + [size for size in sizes if size != main]:
        for name in found:
            if name in ("one", "two") and document.measured(size, name, BESIDE):
                yield f"## {titled(size)} customers, {CONFIGURATIONS[name]}"
                yield ""
                yield from document.side_by_side(size, name)
    if any(key[2] == "nightly" for key in times):
        yield f"## A workspace of {titled(main)} customers"
        yield ""
        yield "The server allows two workers beside a process, as it does by default. The other programs have two threads."
        yield ""
        yield from document.workspace(main)
    if len(found) > 1:
        yield "## Configurations"
        yield ""
        yield from document.configurations(main, found)
    if len(sizes) > 1:
        yield "## Sizes"
        yield ""
        yield "Times of `crm` in one process."
        yield ""
        yield from document.sizes(sizes)
    yield TAIL


def printed(text):
    """Without a second empty line in a row."""
    before = ""
    for line in "\n".join(text).rstrip("\n").split("\n"):
        if line or before:
            print(line)
        before = line


rows, times = read(*sys.argv[1:3])
printed(page(rows, times, lines(sys.argv[3]), [line[0] for line in lines(sys.argv[4])]))
