"""Orders in DuckDB, in memory, with the types of the table in PostgreSQL.

The form "orders" starts from the orders. The form "stored" starts from tables
that one would keep beside them: a summary of each customer as of the day, and the
revenue of each customer and month.

Months are bits of a number: bit 0 is January 2023. bit_or() makes the months of a
customer in one pass, and customers with equal months are counted together. A
self-join of months takes many times as long.
"""
import os

import duckdb

SUMMARY = """
SELECT customer, DATE '{as_of}' - max(day) AS recency, count(*) AS frequency, sum(amount) AS monetary
  FROM orders WHERE day <= DATE '{as_of}' GROUP BY customer
"""

# The mean amount leaves out the first day: it is of repeat purchases.
MODEL_SUMMARY = """
SELECT customer, count(*) - 1 AS x, (max(day) - min(day)) / 7 AS t_x,
       (DATE '{as_of}' - min(day)) / 7 AS t,
       (sum(amount) - arg_min(amount, day))::DOUBLE / nullif(count(*) - 1, 0) AS mean_amount
  FROM (SELECT customer, day, sum(amount) AS amount FROM orders
         WHERE day <= DATE '{as_of}' GROUP BY customer, day)
 GROUP BY customer
"""

MONTH = "datediff('month', DATE '2023-01-01', day)"

ACTIVITY = f"""
SELECT customer, {MONTH}::UTINYINT AS month, sum(amount) AS revenue
  FROM orders WHERE day <= DATE '{{as_of}}' GROUP BY ALL ORDER BY ALL
"""

MASKS = {
    "orders": f"SELECT bit_or(1::BIGINT << {MONTH}) AS months FROM orders"
              " WHERE day <= DATE '{as_of}' GROUP BY customer",
    "stored": "SELECT bit_or(1::BIGINT << month) AS months FROM activity GROUP BY customer",
}

REVENUE = {
    "orders": "SELECT sum(r) FROM (SELECT sum(amount) AS r FROM orders WHERE day <= DATE '{as_of}'"
              f" GROUP BY {MONTH})",
    "stored": "SELECT sum(r) FROM (SELECT sum(revenue) AS r FROM activity GROUP BY month)",
}

HISTORIES = """
SELECT count(*), sum(purchases), sum(amount), sum(first_day - DATE '2000-01-01'),
       sum(last_day - DATE '2000-01-01')
  FROM (SELECT customer, max(day) AS last_day, min(day) AS first_day, count(*) AS purchases,
               sum(amount) AS amount
          FROM orders GROUP BY customer)
"""

RFM_INPUTS = "SELECT count(*), sum(recency), sum(frequency), sum(monetary) FROM ({summary})"

RFM_SCORES = """
WITH customer AS MATERIALIZED (
  SELECT recency, frequency, monetary::DOUBLE AS monetary FROM ({summary})
), threshold AS MATERIALIZED (
  SELECT quantile_cont(recency, [0.2, 0.4, 0.6, 0.8]) AS r,
         quantile_cont(frequency, [0.2, 0.4, 0.6, 0.8]) AS f,
         quantile_cont(monetary, [0.2, 0.4, 0.6, 0.8]) AS m FROM customer
)
SELECT count(*), sum(recency), sum(frequency), sum(monetary),
       sum(5 - (recency > r[1])::INT - (recency > r[2])::INT - (recency > r[3])::INT
           - (recency > r[4])::INT),
       sum(1 + (frequency > f[1])::INT + (frequency > f[2])::INT + (frequency > f[3])::INT
           + (frequency > f[4])::INT),
       sum(1 + (monetary > m[1])::INT + (monetary > m[2])::INT + (monetary > m[3])::INT
           + (monetary > m[4])::INT)
  FROM customer, threshold
"""

MODEL_SUMS = """
SELECT count(*), sum(x), sum(t_x), sum(t), sum(mean_amount), count(mean_amount) FROM ({summary})
"""

COHORT = "log2(months & -months)::INT"

GROWTH = """
SELECT sum(n) FILTER (WHERE active AND cohort = m), sum(n) FILTER (WHERE active AND before),
       sum(n) FILTER (WHERE active AND NOT before AND cohort < m),
       sum(n) FILTER (WHERE before AND NOT active)
  FROM (SELECT n, m, cohort, (months >> m) & 1 = 1 AS active,
               m > 0 AND (months >> greatest(m - 1, 0)) & 1 = 1 AS before
          FROM mask, range(35) AS month(m)) AS state
 GROUP BY m
"""

RETENTION = """
SELECT cohort, k, sum(n) AS retained FROM mask, range(13) AS later(k)
 WHERE (months >> (cohort + k)) & 1 = 1 GROUP BY cohort, k
"""

WITH_MASKS = f"""
WITH mask AS MATERIALIZED (
  SELECT months, {COHORT} AS cohort, count(*) AS n FROM ({{masks}}) AS customer GROUP BY months
), growth(new, stayed, resurrected, dormant) AS ({GROWTH}), retention AS ({RETENTION})
"""

RETENTION_SUMS = WITH_MASKS + """
SELECT (SELECT sum(retained) FROM retention), (SELECT sum(retained * k) FROM retention),
       sum(new), sum(stayed), sum(resurrected), sum(dormant) FROM growth
"""

GROWTH_SUMS = WITH_MASKS + """
SELECT sum(new), sum(stayed), sum(resurrected), sum(dormant), ({revenue}) FROM growth
"""

AFFINITY = """
SELECT count(*)
  FROM (SELECT a.product, b.product
          FROM basket a JOIN basket b ON b.basket = a.basket AND b.product > a.product
         GROUP BY a.product, b.product HAVING count(*) >= 5)
"""


def version():
    return f"DuckDB {duckdb.__version__}"


class Engine:
    def __init__(self, folder, processes, as_of):
        self.as_of = as_of
        self.connection = duckdb.connect(config={"threads": processes})
        self.has_activity = os.path.exists(f"{folder}/orders.csv")
        if self.has_activity:
            self.run(f"""CREATE TABLE orders AS FROM read_csv('{folder}/orders.csv', header = false,
                columns = {{'customer': 'BIGINT', 'day': 'DATE', 'amount': 'DECIMAL(12,2)'}})""")
            self.run(f"CREATE TABLE summary AS {SUMMARY}")
            self.run(f"CREATE TABLE model_summary AS {MODEL_SUMMARY}")
            self.run(f"CREATE TABLE activity AS {ACTIVITY}")
        else:
            self.run(f"""CREATE TABLE stored AS FROM read_csv('{folder}/stored.csv', header = false,
                columns = {{'customer': 'BIGINT', 'recency': 'BIGINT', 'frequency': 'BIGINT',
                'monetary': 'DECIMAL(18,2)', 'x': 'BIGINT', 't_x': 'DOUBLE', 't': 'DOUBLE', 'mean_amount': 'DOUBLE'}})""")
            self.run("CREATE TABLE summary AS SELECT customer, recency, frequency, monetary FROM stored")
            self.run("CREATE TABLE model_summary AS SELECT customer, x, t_x, t, mean_amount FROM stored")
        if os.path.exists(f"{folder}/basket.csv"):
            self.run(f"""CREATE TABLE basket AS FROM read_csv('{folder}/basket.csv', header = false,
                columns = {{'basket': 'BIGINT', 'product': 'VARCHAR'}})""")

    def run(self, query):
        return self.connection.execute(query.replace("{as_of}", self.as_of))

    def work(self, work, form):
        stored = form == "stored"
        summary = "SELECT * FROM summary" if stored else SUMMARY
        models = "SELECT * FROM model_summary" if stored else MODEL_SUMMARY
        queries = {
            "histories": None if stored else HISTORIES,
            "histories_built": None if stored else HISTORIES,
            "rfm_inputs": RFM_INPUTS.replace("{summary}", summary),
            "rfm_scores": RFM_SCORES.replace("{summary}", summary),
            "model_summary": MODEL_SUMS.replace("{summary}", models),
            "retention": RETENTION_SUMS.replace("{masks}", MASKS[form]),
            "growth": GROWTH_SUMS.replace("{masks}", MASKS[form]).replace("{revenue}", REVENUE[form]),
            "affinity": None if stored else AFFINITY,
        }
        query = queries.get(work)
        if work in ("retention", "growth") and not self.has_activity:
            return None
        return query and (lambda: self.run(query).fetchone())
