/* Products that share at least 5 baskets, beside the self-join. */
\if :plain
:measure
SELECT count(*) AS pairs
  FROM (SELECT a.product, b.product
		  FROM basket a JOIN basket b ON b.basket = a.basket AND b.product > a.product
		 GROUP BY a.product, b.product
		HAVING count(*) >= 5) AS q;
\else
:measure
SELECT cardinality(crm.affinity_agg(basket, product, 5)) AS pairs FROM basket;
\endif
