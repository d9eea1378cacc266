SELECT at_least, at_most, customers, mean_actual, mean_expected, mean_same_again
  FROM crm.accuracy_by_frequency((
	SELECT crm.validate(fitted.model, history, :'calibration_end', :'as_of')
	  FROM purchase_history,
		   (SELECT crm.fit_purchases(:'kind', :'unit', history, :'calibration_end') AS model
			  FROM purchase_history) AS fitted))
 WHERE customers > 0
 ORDER BY at_least
