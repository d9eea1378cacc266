SELECT (independence).customers, (independence).spearman, (independence).spearman_p AS p_value
  FROM (SELECT crm.check_spend_independence(history, :'as_of') AS independence
		  FROM purchase_history) AS checked
 WHERE (independence).spearman IS NOT NULL
