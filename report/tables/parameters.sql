SELECT role, kind, as_of, parameter.name, parameter.value, parameter.std_error
  FROM (SELECT DISTINCT ON (role) role, kind, as_of, model
		  FROM model
		 WHERE as_of <= :'as_of'
		 ORDER BY role, as_of DESC, model_id DESC) AS newest,
	   crm.parameters(model) WITH ORDINALITY AS parameter
 ORDER BY role, ordinality
