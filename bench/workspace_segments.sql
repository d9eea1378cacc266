/* Segments of shop with their customers and lifetime value as of :as_of. */
SET crm.as_of = :'as_of';
:measure
SELECT segment, count(*), sum(clv) FROM shop.customer_value GROUP BY segment;
