"""The programs that bench compares crm with, in one process that waits for
orders on standard input.

Usage: serve.py FOLDER PROCESSES AS_OF

FOLDER holds the rows as CSV, PROCESSES is the number of threads of DuckDB, Polars and ClickHouse.
An order is one line "ENGINE WORK FORM". The answer is one line: the milliseconds
and then the sums of the result, or "absent" and the reason. The first order of an
engine loads its rows, and the loading is not timed. The order "versions" prints
the versions of all engines that are here.

A program adds up the columns of its own result and returns the sums. So nothing
is left out by its planner, nothing is copied to Python, and scripts/bench can
compare the sums with those of crm before it prints a time.
"""
import importlib
import os
import sys
import time

folder, processes, as_of = sys.argv[1], int(sys.argv[2]), sys.argv[3]

# This is read when the library is loaded.
os.environ["POLARS_MAX_THREADS"] = str(processes)

# scipy does not gain by a second thread, and the threads of its BLAS wait for each other.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

MODULES = {
    "duckdb": "with_duckdb",
    "polars": "with_polars",
    "clickhouse": "with_clickhouse",
    "lifetimes": "with_lifetimes",
    "scipy": "with_scipy",
}
engines = {}


def engine(name):
    if name not in engines:
        module = importlib.import_module(MODULES[name])
        engines[name] = module.Engine(folder, processes, as_of)
    return engines[name]


def versions():
    for name, module in MODULES.items():
        try:
            yield importlib.import_module(module).version()
        except ImportError:
            yield f"no {name}"


def answer(name, work, form):
    try:
        work = engine(name).work(work, form)
    except ImportError:
        return f"absent\t{name} is not installed"
    except ValueError as reason:
        return f"absent\t{reason}"
    if work is None:
        return "absent\tit has no query for this from these rows"
    start = time.perf_counter()
    sums = work()
    milliseconds = 1000 * (time.perf_counter() - start)
    if callable(sums):  # what only the check needs
        sums = sums()
    return "\t".join([f"{milliseconds:.3f}"] + [repr(float(each)) for each in sums])


# What a library prints must not be taken for an answer.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    words = line.split()
    if words == ["versions"]:
        print(", ".join(versions()), file=answers, flush=True)
    else:
        try:
            print(answer(*words), file=answers, flush=True)
        except Exception as error:  # the bench goes on without this time
            reason = " ".join(str(error).split())[:200]
            print(f"absent\t{type(error).__name__}: {reason}", file=answers, flush=True)
