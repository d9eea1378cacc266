/* What became of the new customers of each month, over the user's own orders. */
SET crm.as_of = :'as_of';
:measure
SELECT * FROM shop.acquisition;
