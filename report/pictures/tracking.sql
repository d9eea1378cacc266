SELECT period_end, in_holdout, actual, expected
  FROM crm.tracking((
	SELECT crm.validate(fitted.model, history, :'calibration_end', :'as_of')
	  FROM purchase_history,
		   (SELECT crm.fit_purchases(:'kind', :'unit', history, :'calibration_end') AS model
			  FROM purchase_history) AS fitted), 'week')
 WHERE (period_end - :'calibration_end'::date) % 7 = 0  -- whole weeks
 ORDER BY period_end
