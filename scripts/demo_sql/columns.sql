/*
 * columns.sql
 *
 * Which fields of a CSV header are the customer, the date and the amount: one
 * row each (role, position, name), position NULL where there is none. psql
 * variables: header, delimiter, and the names the user gave: customer, date,
 * amount (empty: find it by the usual names, the first of the list that is
 * there).
 */
WITH field AS (
	SELECT position, name, regexp_replace(lower(name), '[^[:alnum:]]', '', 'g') AS word
	  FROM (SELECT ordinality AS position,
				   btrim(CASE WHEN match[1] LIKE '"%'
				   	THEN replace(substr(match[1], 2, length(match[1]) - 2), '""', '"')
							  ELSE match[1] END) AS name
			  FROM regexp_matches(:'header' || :'delimiter',
								  format('("(?:[^"]|"")*"|[^%1$s]*)%1$s', :'delimiter'), 'g')
				   WITH ORDINALITY AS part(match, ordinality)) AS header
), wanted (role, chosen, usual) AS (
	VALUES ('customer', :'customer', ARRAY['customerid', 'customer', 'customerno', 'customernumber',
		'customerkey',
										   'custid', 'cust', 'clientid', 'client', 'userid', 'user',
										   	'buyerid',
										   'buyer', 'memberid', 'member', 'shopperid', 'shopper',
										   	'accountid',
										   'account', 'contactid', 'donorid', 'donor',
										   	'customeremail', 'email',
										   'emailaddress']),
		   ('date', :'date', ARRAY['orderdate', 'invoicedate', 'invoicets', 'purchasedate',
		   	'transactiondate',
								   'orderedat', 'purchasedat', 'placedat', 'createdat', 'paidat',
								   	'processedat',
								   'orderts', 'orderedon', 'date', 'day', 'datetime', 'timestamp',
								   	'time', 'ts',
								   'created']),
		   ('amount', :'amount', ARRAY['amount', 'netamount', 'orderamount', 'totalamount',
		   	'amountpaid', 'total',
									   'totalprice', 'ordertotal', 'grandtotal', 'nettotal',
									   	'revenue', 'netrevenue',
									   'sales', 'turnover', 'ordervalue', 'value', 'spend', 'sum',
									   	'subtotal'])
)
SELECT role, position, name, (SELECT count(*) FROM field) AS fields,
	   (SELECT string_agg(field.name, ', ' ORDER BY field.position) FROM field) AS names
  FROM wanted
  LEFT JOIN LATERAL (
	SELECT position, name
	  FROM field
	 WHERE CASE WHEN chosen <> '' THEN lower(name) = lower(chosen) ELSE word = ANY (usual) END
	 ORDER BY array_position(usual, word), position
	 LIMIT 1) AS found ON true;
