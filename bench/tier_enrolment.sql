/* The first review of a programme: a row in tier_log for everybody who has bought. */
:measure
SELECT * FROM crm.tier_review('sales', 'standard', :'as_of');
