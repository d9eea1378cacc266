"""Orders in Polars, by lazy queries. Amounts are whole cents, so sums are exact.

The form "orders" starts from the orders. The form "stored" starts from frames
that one would keep beside them: a summary of each customer as of the day, and the
revenue of each customer and month. Months are bits of a number, as in the queries
for DuckDB. The streaming engine is the faster one from orders, the engine in
memory from what is stored.
"""
import datetime
import os

import polars as pl

FIRST = datetime.date(2023, 1, 1)
ENGINES = {"orders": "streaming", "stored": "in-memory"}
EPOCH = datetime.date(2000, 1, 1)
MONTHS = 35


def version():
    return f"Polars {pl.__version__}"


def days(start, end):
    return (end - start).dt.total_days()


def month():
    return ((pl.col("day").dt.year() - 2023) * 12 + pl.col("day").dt.month() - 1).cast(pl.UInt8)


def above(column):
    """How many of the four thresholds lie below the value."""
    levels = (0.2, 0.4, 0.6, 0.8)
    bounds = (pl.col(column).quantile(level, interpolation="linear") for level in levels)
    return sum((pl.col(column) > bound).cast(pl.Int64) for bound in bounds)


class Engine:
    def __init__(self, folder, processes, as_of):
        self.as_of = datetime.date.fromisoformat(as_of)
        self.stored = {}
        if os.path.exists(f"{folder}/orders.csv"):
            self.read_orders(folder)
        else:
            self.read_stored(folder)

    def read_stored(self, folder):
        """What was made elsewhere, where there are no orders."""
        whole = dict.fromkeys(("customer", "recency", "frequency"), pl.Int64)
        measures = dict.fromkeys(("monetary", "t_x", "t", "mean_amount"), pl.Float64)
        schema = {**whole, "monetary": pl.Float64, "x": pl.Int64, **measures}
        frame = pl.read_csv(f"{folder}/stored.csv", has_header=False, schema=schema)
        monetary = (pl.col("monetary") * 100).round().cast(pl.Int64)
        self.stored["summary"] = frame.select("customer", "recency", "frequency", monetary).lazy()
        self.stored["model_summary"] = frame.select("customer", "x", "t_x", "t", "mean_amount").lazy()

    def read_orders(self, folder):
        schema = {"customer": pl.Int64, "day": pl.Date, "amount": pl.Float64}
        self.orders = pl.read_csv(f"{folder}/orders.csv", has_header=False, schema=schema).with_columns(
            (pl.col("amount") * 100).round().cast(pl.Int64)).lazy()
        self.past = self.orders.filter(pl.col("day") <= self.as_of)
        self.stored = {name: frame.collect().lazy() for name, frame in (
            ("summary", self.summary()), ("model_summary", self.model_summary()),
            ("activity", self.activity()))}

    def summary(self):
        return self.past.group_by("customer").agg(
            days(pl.col("day").max(), pl.lit(self.as_of)).alias("recency"),
            pl.len().cast(pl.Int64).alias("frequency"), pl.col("amount").sum().alias("monetary"))

    def model_summary(self):
        daily = self.past.group_by("customer", "day").agg(pl.col("amount").sum())
        first, last = pl.col("day").min(), pl.col("day").max()
        repeats = pl.len().cast(pl.Int64) - 1
        first_amount = pl.col("amount").get(pl.col("day").arg_min())
        return daily.group_by("customer").agg(
            repeats.alias("x"), (days(first, last) / 7).alias("t_x"),
            (days(first, pl.lit(self.as_of)) / 7).alias("t"),
            (pl.col("amount").sum() - first_amount).alias("repeat_amount")).with_columns(
                pl.when(pl.col("x") > 0).then(pl.col("repeat_amount") / 100 / pl.col("x"))
                .alias("mean_amount"))

    def activity(self):
        return self.past.group_by("customer", month().alias("month")).agg(
            pl.col("amount").sum().alias("revenue")).sort("customer", "month")

    def masks(self, form):
        if form == "stored":
            months = self.stored["activity"].select("customer", "month")
        else:
            months = self.past.select("customer", month().alias("month"))
        bit = pl.lit(2, pl.Int64).pow(pl.col("month"))
        masks = months.select("customer", bit.alias("bit")).group_by("customer").agg(
            pl.col("bit").bitwise_or().alias("months"))
        return masks.group_by("months").agg(pl.len().cast(pl.Int64).alias("n")).with_columns(
            pl.col("months").bitwise_trailing_zeros().cast(pl.Int64).alias("cohort"))

    def growth(self, masks):
        """One column of each kind and month, from the customers by their months."""
        def active(m):
            return (pl.col("months") & (1 << m)) != 0

        def count(condition):
            return pl.col("n").filter(condition).sum()

        def total(condition):
            return sum(count(condition(m)) for m in range(MONTHS))

        return masks.select(
            total(lambda m: active(m) & (pl.col("cohort") == m)).alias("new"),
            sum(count(active(m) & active(m - 1)) for m in range(1, MONTHS)).alias("stayed"),
            sum(count(active(m) & ~active(m - 1) & (pl.col("cohort") < m))
                for m in range(1, MONTHS)).alias("resurrected"),
            sum(count(active(m - 1) & ~active(m)) for m in range(1, MONTHS)).alias("dormant"))

    def retention(self, masks):
        """The customers of each cohort who are active n months later."""
        kept = [((pl.col("months") // pl.lit(2, pl.Int64).pow(pl.col("cohort") + k)) % 2 * pl.col("n"))
                .sum().alias(f"later{k}") for k in range(13)]
        return masks.group_by("cohort").agg(kept).select(
            pl.sum_horizontal(pl.col(f"later{k}").sum() for k in range(13)).alias("retained"),
            pl.sum_horizontal(k * pl.col(f"later{k}").sum() for k in range(13)).alias("weighted"))

    def revenue(self, form):
        if form == "stored":
            months = self.stored["activity"].group_by("month").agg(pl.col("revenue").sum())
        else:
            months = self.past.group_by(month().alias("month")).agg(pl.col("amount").sum().alias("revenue"))
        return months.select(pl.col("revenue").sum() / 100)

    def histories(self):
        return self.orders.group_by("customer").agg(
            pl.col("day").max().alias("last_day"), pl.col("day").min().alias("first_day"),
            pl.len().cast(pl.Int64).alias("purchases"), pl.col("amount").sum()).select(
                pl.len(), pl.col("purchases").sum(), pl.col("amount").sum() / 100,
                days(pl.lit(EPOCH), pl.col("first_day")).sum().alias("first"),
                days(pl.lit(EPOCH), pl.col("last_day")).sum().alias("last"))

    def query(self, work, form):
        """One row with the sums of the result, or nothing."""
        summary = self.stored["summary"] if form == "stored" else self.summary()
        if work in ("histories", "histories_built"):
            return self.histories() if form == "orders" else None
        if work == "rfm_inputs":
            return summary.select(pl.len(), pl.col("recency").sum(), pl.col("frequency").sum(),
                                  pl.col("monetary").sum() / 100)
        if work == "rfm_scores":
            return summary.select(
                pl.len(), pl.col("recency").sum(), pl.col("frequency").sum(), pl.col("monetary").sum() / 100,
                (5 - above("recency")).sum().alias("r"), (1 + above("frequency")).sum().alias("f"),
                (1 + above("monetary")).sum().alias("m"))
        if work == "model_summary":
            models = self.stored["model_summary"] if form == "stored" else self.model_summary()
            return models.select(pl.len(), pl.col("x", "t_x", "t", "mean_amount").sum(),
                                 pl.col("mean_amount").count().alias("n"))
        return None

    def periods(self, work, form):
        """Several rows from the same masks, which are made once."""
        masks = self.masks(form)
        queries = [self.growth(masks), self.revenue(form)]
        if work == "retention":
            queries = [self.retention(masks), self.growth(masks)]
        first, second = pl.collect_all(queries, engine=ENGINES[form])
        return first.row(0) + second.row(0)

    def work(self, work, form):
        if work in ("retention", "growth"):
            known = form == "orders" or "activity" in self.stored
            return (lambda: self.periods(work, form)) if known else None
        query = self.query(work, form)
        return None if query is None else lambda: query.collect(engine=ENGINES[form]).row(0)
