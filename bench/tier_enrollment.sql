/* The first review of a program: a row in tier_log for everybody who has bought. */
:measure
SELECT * FROM crm.review_tiers('sales', 'standard', :'as_of');
