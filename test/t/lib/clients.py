"""Reads a workspace by one driver: clients.py DRIVER DAY OTHER_DAY.

It prints the rows as of the day of the connection, the rows of a transaction with
SET LOCAL, the day after it, the types of Python, and what the driver knows of the
columns. The server is that of the variables PGHOST, PGPORT and PGDATABASE.
"""

import json
import os
import sys
from datetime import date

import crm_history

ROWS = "SELECT as_of, customer_id, revenue, clv, next_purchase_on FROM shop_bi.customer_value ORDER BY customer_id"
HISTORY = "SELECT history FROM shop_bi.purchase_history ORDER BY customer_id LIMIT 1"
HOST, PORT, NAME = (os.environ[name] for name in ("PGHOST", "PGPORT", "PGDATABASE"))


def show(title, rows):
    rows = list(rows)
    print("#", title)
    for row in rows:
        print("|".join("" if value is None else str(value) for value in row))
    return rows


def show_types(row, history):
    history = json.loads(history) if isinstance(history, str) else history
    print("# types")
    print(*(type(value).__name__ for value in row), type(history[0]).__name__, len(history[0]))


def read(cursor, other_day, parameter="%s"):
    """By a cursor of the DB-API."""
    cursor.execute(ROWS)
    first = show("connection", cursor.fetchall())
    cursor.execute("BEGIN")
    cursor.execute(f"SET LOCAL crm.as_of = '{other_day}'")
    cursor.execute(ROWS)
    show("transaction", cursor.fetchall())
    cursor.execute("COMMIT")
    cursor.execute("SELECT day FROM shop.shown_day")
    show("afterwards", cursor.fetchall())
    cursor.execute(f"SELECT count(*) FROM shop.customer_value_at({parameter})", (date.fromisoformat(other_day),))
    show("function", cursor.fetchall())
    cursor.execute(HISTORY)
    show_types(first[0], cursor.fetchone()[0])


def with_psycopg2(day, other_day):
    import psycopg2

    connection = psycopg2.connect(user="shop_analyst", options=f"-c crm.as_of={day}")
    connection.autocommit = True
    cursor = connection.cursor()
    read(cursor, other_day)
    cursor.execute("SELECT revenue FROM shop_bi.customer_value LIMIT 1")
    show("scale", [cursor.description[0][4:6]])
    cursor.execute("SELECT revenue FROM shop.customer_value LIMIT 1")
    show("scale in the workspace", [cursor.description[0][4:6]])


def with_psycopg(day, other_day):
    import psycopg

    connection = psycopg.connect(user="shop_analyst", options=f"-c crm.as_of={day}", autocommit=True)
    read(connection.cursor(), other_day)
    with connection.transaction():
        connection.execute("SELECT set_config('crm.as_of', %s, true)", (other_day,))
        show("parameter", connection.execute("SELECT day FROM shop.shown_day").fetchall())
    data, text = connection.cursor(binary=True).execute(
        "SELECT history, history::text FROM shop.purchase_history ORDER BY customer_id LIMIT 1").fetchone()
    entries = [[crm_history.as_date(day).isoformat(), count, float(amount)]
               for day, count, amount in crm_history.entries(data)]
    show("bytes", [[entries == json.loads(text)]])


def with_sqlalchemy(day, other_day):
    import sqlalchemy

    engine = sqlalchemy.create_engine("postgresql+psycopg2://shop_analyst@/",
                                      connect_args={"options": f"-c crm.as_of={day}"})
    with engine.connect() as connection:
        first = show("connection", connection.execute(sqlalchemy.text(ROWS)))
        history = connection.execute(sqlalchemy.text(HISTORY)).scalar()
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"SET LOCAL crm.as_of = '{other_day}'"))
        show("transaction", connection.execute(sqlalchemy.text(ROWS)))
    with engine.connect() as connection:
        show("afterwards", connection.execute(sqlalchemy.text("SELECT day FROM shop.shown_day")))
        show("function", connection.execute(sqlalchemy.text("SELECT count(*) FROM shop.customer_value_at(:day)"),
                                            {"day": date.fromisoformat(other_day)}))
    show_types(first[0], history)
    for schema in "shop_bi", "shop":
        columns = sqlalchemy.inspect(engine).get_columns("customer_value", schema=schema)
        show(schema, [[c["name"], c["type"]] for c in columns if c["name"] in ("as_of", "revenue", "clv")])
    table = sqlalchemy.Table("customer_value", sqlalchemy.MetaData(), autoload_with=engine, schema="shop_bi")
    with engine.connect() as connection:
        show("table", [[sum(row.revenue for row in connection.execute(table.select()))]])


def with_odbc(day, other_day):
    import pyodbc

    connection = pyodbc.connect(
        f"Driver=PostgreSQL Unicode;Server={HOST};Port={PORT};Database={NAME};Uid=shop_analyst;"
        f"ConnSettings=SET crm.as_of %3D '{day}'", autocommit=True)
    cursor = connection.cursor()
    read(cursor, other_day, "?")
    for schema in "shop_bi", "shop":
        columns = {row.column_name: [row.type_name, row.column_size, row.decimal_digits]
                   for row in cursor.columns(table="customer_value", schema=schema)}
        show(schema, [columns["revenue"]])
    tables = {row.table_name for row in cursor.tables(schema="shop_bi", tableType="VIEW")}
    show("tables", [["customer_value" in tables, len(tables) > 20]])


sys.stdout.reconfigure(encoding="utf-8")
globals()["with_" + sys.argv[1]](*sys.argv[2:])
