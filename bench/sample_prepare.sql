/*
 * sample_prepare.sql
 *
 * The rows of at most 20 000 customers, in tables of the same names. With "sample"
 * in front of the search path, each measure reads them. So plain SQL, which takes long,
 * is compared with crm without running twice.
 */
CREATE SCHEMA sample;
SELECT greatest(1, count(*) / 20000) AS step, greatest(1, :journeys / 20000) AS journey_step
  FROM customers \gset
CREATE TABLE sample.orders AS SELECT * FROM orders WHERE customer % :step = 0;
CREATE TABLE sample.customers AS SELECT * FROM customers WHERE customer % :step = 0;
CREATE TABLE sample.event AS SELECT * FROM event WHERE customer % :journey_step = 0;
CREATE TABLE sample.basket AS SELECT * FROM basket WHERE basket % :journey_step = 0;
VACUUM ANALYZE sample.orders, sample.customers, sample.event, sample.basket;
