/* The credit of 12 channels by all seven models, from a path for each customer. */
:measure
SELECT crm.attribution_agg(touches, touched_at, converted_at, amount, '7 days') FROM path;
