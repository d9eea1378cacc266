"""compute: computes the golden values with mpmath, independently of the C of this project.

    python3 test/golden/compute [--check] [--sample N] [--jobs N] [NAME ...]

NAME is a file of test/golden/values without .csv; without names it is all of them.
Without --check the files of values are written anew.  With --check nothing is
written: each file is compared with what is computed here, digit by digit, and
the result is TAP.  fits and rfm_thresholds are checked in both cases: they need
the data sets, and a check that misses its data set is skipped and says where to
get it.  --sample N takes every Nth cell, and of the fits only quick ones.
"""
import argparse
import os
import sys
from multiprocessing import Pool

import data_sets
import files
import fits
import thresholds


class Results:
    """Prints TAP."""

    def __init__(self):
        self.count = self.failed = 0

    def say(self, passed, what, details=()):
        """One test, and what to know of a failure."""
        self.count += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.count} - {what}", flush=True)
        for line in details:
            print(f"# {line}")

    def skip(self, what, why):
        """One test that could not run."""
        self.say(True, f"{what} # SKIP {why}")


def compute_cell(job):
    """For a worker: the text of a cell, or the error."""
    try:
        return files.compute(*job)
    except (ArithmeticError, ValueError) as error:
        return f"error: {error}"


def chosen_cells(name, every):
    """(name, row, column) of every cell to compute, or every Nth, but at least one."""
    cells = [(name, row, column) for row in files.read(name) for column in files.outputs(name, row)]
    return cells[min(every, len(cells)) // 2::every]


def check_values(name, options, pool, results):
    """Compares the cells of a file."""
    cells = chosen_cells(name, options.sample)
    differences = [
        f"id {row['id']}, {column}: {row[column]} in the file, {text} computed"
        for (_, row, column), text in zip(cells, pool.imap(compute_cell, cells, chunksize=4))
        if text != row[column]
    ]
    what = f"{name}.csv: {len(cells)} cells computed, {len(differences)} differ"
    results.say(cells and not differences, what, differences)


def write_values(name, pool):
    """Writes a file with all its cells computed."""
    cells = chosen_cells(name, 1)
    rows = {row["id"]: row for _, row, _ in cells}
    for (_, row, column), text in zip(cells, pool.imap(compute_cell, cells, chunksize=4)):
        if text.startswith("error"):
            sys.exit(f"{name}.csv, id {row['id']}, {column}: {text}")
        rows[row["id"]][column] = text
    files.write(files.VALUES / f"{name}.csv", list(rows.values()))


def check_fit(key):
    """For a worker: (passed, what was found), or why it was skipped."""
    try:
        return fits.check(key)
    except data_sets.Absent as error:
        return None, str(error)


def check_fits(options, pool, results):
    """Whether the likelihood has its maximum where fits.csv says."""
    keys = list(fits.read()[0])
    if options.sample > 1:
        keys = [key for key in keys if key[1] in fits.QUICK]
    for key, (passed, found) in zip(keys, pool.imap(check_fit, keys)):
        what = f"fit of {key[1]} to {key[0]}, unit {key[2]}"
        if passed is None:
            results.skip(what, found)
        else:
            results.say(passed, f"{what}: {found}")


def check_thresholds(results):
    """Whether the thresholds are those of the data."""
    for dataset, as_of in dict.fromkeys((row["dataset"], row["as_of"])
                                        for row in files.read("rfm_thresholds")):
        what = f"rfm_thresholds.csv, {dataset} on {as_of}"
        try:
            differences, compared = thresholds.differences(dataset, as_of)
        except data_sets.Absent as error:
            results.skip(what, error)
            continue
        results.say(compared and not differences, f"{what}: {compared} computed", differences)


def options_given():
    """The command line."""
    names = (*files.NAMES, "fits", "rfm_thresholds")
    parser = argparse.ArgumentParser(prog="python3 test/golden/compute", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="check every Nth cell")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="processes")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    options = parser.parse_args()
    options.names = options.names or names
    for name in options.names:
        if name not in names:
            parser.error(f"no file {name}; the files are: {', '.join(names)}")
    if options.sample < 1 or options.sample > 1 and not options.check:
        parser.error("--sample needs --check and a number from 1")
    return options


def main():
    """Checks or writes what was asked for."""
    options, results = options_given(), Results()
    with Pool(options.jobs) as pool:
        for name in options.names:
            if name == "fits":
                check_fits(options, pool, results)
            elif name == "rfm_thresholds":
                check_thresholds(results)
            elif options.check:
                check_values(name, options, pool, results)
            else:
                write_values(name, pool)
    print(f"1..{results.count}")
    return results.failed > 0


if __name__ == "__main__":
    sys.exit(main())
