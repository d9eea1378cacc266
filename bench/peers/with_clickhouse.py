"""Journeys and months in ClickHouse, by chdb, in tables of the engine MergeTree.

Tables are sorted by customer, as one would make them there for funnels. The
making is not timed. windowFunnel() is ClickHouse's own aggregate for funnels. Its
retention() knows one cohort and up to 32 conditions, so the retention of all
cohorts takes the months of each customer as bits of a number. ClickHouse has no
Markov chain and no Shapley value: attribution is by the other five models.
"""
import os

import chdb
from chdb import session

TABLES = {
    "orders": ("orders.csv", "CSV", "customer Int64, day Date, amount Decimal(12, 2)", "customer"),
    "event": ("event.csv", "CSV", "customer Int64, at DateTime, kind LowCardinality(String)",
              "(customer, at)"),
    "path": ("path.json", "JSONCompactEachRow",
             "touches Array(LowCardinality(String)), touched_at Array(Int64), converted_at Nullable(Int64), "
             "amount Nullable(Float64)", "tuple()"),
}

FUNNEL = """
SELECT count(), sum(level)
  FROM (SELECT windowFunnel(604800)(at, kind = 'visit', kind = 'cart', kind = 'order') AS level
          FROM event GROUP BY customer)
"""

MASK = """
SELECT months, count() AS n, bitCount(bitXor(months, months - 1)) - 1 AS cohort
  FROM (SELECT groupBitOr(bitShiftLeft(1::UInt64, dateDiff('month', '2023-01-01'::Date, day))) AS months
          FROM orders WHERE day <= '{as_of}' GROUP BY customer)
 GROUP BY months
"""

RETENTION = """
WITH mask AS MATERIALIZED ({mask})
SELECT kept.1, kept.2, growth.1, growth.2, growth.3, growth.4
  FROM (SELECT (sum(n), sum(n * k)) AS kept
          FROM (SELECT n, k FROM mask ARRAY JOIN range(13) AS k
                 WHERE bitTest(months, cohort + k))) AS r,
       (SELECT (sumIf(n, active AND cohort = m), sumIf(n, active AND before),
                sumIf(n, active AND NOT before AND cohort < m), sumIf(n, before AND NOT active)) AS growth
          FROM (SELECT n, m, cohort, bitTest(months, m) AS active,
                       m > 0 AND bitTest(months, m - (m > 0)) AS before
                  FROM mask ARRAY JOIN range(35) AS m)) AS g
"""

# A touch after the conversion does not count. The last touch of a path gets what the others leave.
ATTRIBUTION = """
SELECT sum(weight * first), sum(weight * last), sum(weight * linear), sum(weight * position),
       sum(weight * decay)
  FROM (SELECT toFloat64(substring(channel, 9)) + 1 AS weight, sum(amount * (i = 1)) AS first,
               sum(amount * (i = n)) AS last, sum(amount / n) AS linear,
               sum(amount * multiIf(n = 1, 1, n = 2, 0.5, i = 1 OR i = n, 0.4, 0.2 / (n - 2))) AS position,
               sum(amount * share) AS decay
          FROM (SELECT assumeNotNull(amount) AS amount, length(counted) AS n, counted,
                       arrayMap(t -> exp2((t - assumeNotNull(converted_at)) / 604800), times) AS weights,
                       arrayMap(w -> w / arraySum(weights), weights) AS shares,
                       arrayFilter(t -> t <= assumeNotNull(converted_at), touched_at) AS times,
                       arraySlice(touches, 1, length(times)) AS counted
                  FROM path WHERE converted_at IS NOT NULL)
         ARRAY JOIN counted AS channel, shares AS share, arrayEnumerate(counted) AS i
         GROUP BY channel)
"""


def version():
    return f"ClickHouse {chdb.engine_version} (chdb {chdb.__version__})"


class Engine:
    def __init__(self, folder, processes, as_of):
        self.session = session.Session()
        self.processes = processes
        self.queries = {
            "funnel": FUNNEL,
            "attribution": ATTRIBUTION,
            "retention": RETENTION.replace("{mask}", MASK).replace("{as_of}", as_of),
        }
        for table, (file, form, columns, order) in TABLES.items():
            if os.path.exists(f"{folder}/{file}"):
                self.run(f"CREATE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY {order}")
                self.run(f"INSERT INTO {table} SELECT * FROM file('{folder}/{file}', {form}, '{columns}')")
                self.run(f"OPTIMIZE TABLE {table} FINAL")

    def run(self, query):
        return str(self.session.query(f"{query} SETTINGS max_threads = {self.processes}"
                                      if query.lstrip().startswith(("SELECT", "WITH")) else query, "TSV"))

    def work(self, work, form):
        if work not in self.queries:
            return None
        return lambda: self.run(self.queries[work]).split()
