-- Arguments come in one order: rules (also models, thresholds, a workspace and
-- its program); whose (a history and as_of, or x, t_x, t); how far (days, a
-- horizon, a span); how (discount, margin, level, k). What says how has a
-- default where one makes sense. The catalog is compared with a list of names.
-- A new name must be entered there, and so gets a class.
\ir setup/begin.sql
SELECT plan(6);
SELECT crm.create_workspace('crm_order', time_zone => 'UTC') \g /dev/null

-- The class of each name. always: a caller has to say it, no default makes sense.
CREATE TEMP TABLE argument (name text PRIMARY KEY, class text NOT NULL, always boolean NOT NULL);
INSERT INTO argument
SELECT name, class, always
  FROM (VALUES
	('rules', false, '{workspace,program,source,part,kind,parameters,model,purchase_model,
		spend_model,restricted,unrestricted,validation,thresholds,recency,frequency,monetary,
		rules,position,label,metric,at_least,at_most,policy,tiers,tier_no,tier,enter_at,keep_at,
		enter_share,matrix,reward,cells,query}'::text[]),
	('whose', false,
		'{history,other,profit_history,points_history,as_of,calibration_end,day,at,amount,
		x,t_x,t,log_gaps,mean_amount,churned,rfm,metrics,given,state,points,
		occurred_at,expires_at,available_at,entry_id,reverses_id,from_state,to_state,customer,
		customer_id,cost,reader,condition,keep,drop,steps,score,basket,
		product,touches,touched_at,converted_at,touch}'),
	('far', false, '{days,lookback_days,within_days,window_days,mature_months,months,within,
		horizon,periods,period_no,brackets,since,until,next_since,
		next_until,holdout_end,to_states}'),
	('how', false, '{discount,yearly_discount,margin,level,probability,smoothing,
		once_a_day,replay,note,force,
		overwrite,
		full,batch,filter,time_zone,at_time_zone,order_id,channel,country,email,
		changed_at,offers,dimension,
		window_kind,window_length,period_start,upgrade,
		downgrade,
		downgrade_step,valid_for,round_up,grace,min_stay,half_life,schema,decimals}'),
	('how', false, '{split_by,by,conversion,half_life_days}'),
	('how', true, '{k,period_discount,weights,groups,unit,n,customers,mode,top,scale,
		min_baskets,longest}')
	) AS list (class, always, names), unnest(names) AS name;

-- Where a name has another class than elsewhere, and why.
CREATE TEMP TABLE exception (function text, name text, class text, always boolean, why text);
INSERT INTO exception VALUES
	('make_model', 'unit', 'rules', true, 'it is a part of the model'),
	('fit_purchases', 'unit', 'rules', true, 'it is a part of the model'),
	('fit', 'kind', 'how', false, 'a setting of the workspace is the default'),
	('backtest', 'kind', 'how', false, 'a setting of the workspace is the default'),
	('fit_renewals', 'periods', 'whose', true, 'the customer was under contract so long'),
	('log_likelihood', 'periods', 'whose', true, 'the customer was under contract so long'),
	('fit_occasions', 'n', 'whose', true, 'the customer had so many occasions'),
	('markov_value', 'discount', 'how', true, 'the length of a period is not known'),
	('change_source', 'source', 'how', false, 'NULL keeps what there is'),
	('change_source', 'customer', 'how', false, 'NULL keeps what there is'),
	('change_source', 'at', 'how', false, 'NULL keeps what there is'),
	('change_source', 'amount', 'how', false, 'NULL keeps what there is'),
	('change_source', 'cost', 'how', false, 'NULL keeps what there is'),
	('change_source', 'product', 'how', false, 'NULL keeps what there is'),
	('funnel_at', 'steps', 'far', false, 'the way that is looked at'),
	('attach', 'product', 'how', false, 'a source need not have it'),
	('tier_grant', 'tier', 'whose', true, 'the customer gets it'),
	('tier_grant', 'as_of', 'how', false, 'today is the default, and until has none');

-- The input arguments of what people call: the functions of crm, and those of a
-- workspace for a day. Not in it are functions behind aggregates, types and
-- operators, whose arguments come from the server. An INOUT argument of a
-- procedure is its result.
CREATE FUNCTION pg_temp.arguments()
	RETURNS TABLE (function text, place bigint, name text, class text, says_default boolean,
				   can_default boolean, always boolean)
	LANGUAGE sql AS $$
	SELECT p.oid::regprocedure::text, a.place, a.name, coalesce(e.class, n.class),
		   a.place > p.pronargs - p.pronargdefaults, p.prokind IN ('f', 'p'),
		   coalesce(e.always, n.always)
	  FROM pg_proc p
	 CROSS JOIN LATERAL (
		SELECT row_number() OVER (ORDER BY i.n) AS place, i.name, i.mode
		  FROM unnest(coalesce(p.proargnames, array_fill(''::text, ARRAY[p.pronargs])),
					  p.proargmodes) WITH ORDINALITY i (name, mode, n)
		 WHERE coalesce(i.mode, 'i') IN ('i', 'b', 'v') AND p.pronargs > 0) a
	  LEFT JOIN argument n ON n.name = a.name
	  LEFT JOIN exception e ON e.function = p.proname AND e.name = a.name
	 WHERE (p.pronamespace = 'crm'::regnamespace
			OR p.pronamespace = 'crm_order'::regnamespace AND p.proname ~ '_at$')
	   AND NOT (p.prokind = 'p' AND a.mode = 'b')
	   AND NOT EXISTS (SELECT FROM pg_aggregate g
						WHERE p.oid IN (g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggserialfn,
										g.aggdeserialfn))
	   AND NOT EXISTS (SELECT FROM pg_type t
						WHERE p.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend))
	   AND NOT EXISTS (SELECT FROM pg_operator o WHERE o.oprcode = p.oid)
	   AND NOT EXISTS (SELECT FROM pg_amproc m WHERE m.amproc = p.oid) $$;

CREATE FUNCTION pg_temp.faults() RETURNS TABLE (function text, fault text) LANGUAGE sql AS $$
	WITH classified AS (
		SELECT a.*, array_position('{rules,whose,far,how}', a.class) AS class_no
		  FROM pg_temp.arguments() a)
	SELECT function, CASE WHEN name = '' THEN format('argument %s has no name', place)
						  ELSE format('%s has no class', name) END
	  FROM classified WHERE class IS NULL
	UNION ALL
	SELECT c.function, format('%s (%s) stands after %s (%s)', c.name, c.class, b.name, b.class)
	  FROM classified c JOIN classified b ON b.function = c.function AND b.place = c.place - 1
	 WHERE c.class_no < b.class_no
	UNION ALL
	SELECT function, format('%s needs a default', name)
	  FROM classified WHERE class = 'how' AND NOT always AND can_default AND NOT says_default $$;

SELECT cmp_ok((SELECT count(DISTINCT function) FROM pg_temp.arguments()), '>', 100::bigint,
	'all functions that people call are looked at');
SELECT is_empty('SELECT * FROM pg_temp.faults()',
	'every function takes rules, whose, how far and how in this order, all named, with defaults');
SELECT is_empty($$SELECT name FROM argument EXCEPT SELECT name FROM pg_temp.arguments()$$,
	'no name stands in the list that no function has');
SELECT is_empty($$SELECT e.function, e.name FROM exception e
	WHERE NOT EXISTS (SELECT FROM pg_temp.arguments() a
					   WHERE a.name = e.name
						 AND a.function ~ ('^(crm|crm_order)\.' || e.function || '\('))$$,
	'no exception stands in the list that no function makes use of');
SELECT is_empty($$SELECT function, name FROM pg_temp.arguments() a
	WHERE says_default AND class IN ('rules', 'whose')
	  AND name NOT IN ('program', 'as_of', 'cost')$$,
	'only all programs, today and no cost are defaults of rules and of whose');

-- The check itself: it finds what it is there for.
CREATE FUNCTION crm.backwards(horizon float8, model crm.model, level float8) RETURNS float8
	LANGUAGE sql RETURN horizon;
CREATE FUNCTION crm.nameless(model crm.model, bigint) RETURNS float8 LANGUAGE sql RETURN $2;
CREATE FUNCTION crm.unheard(model crm.model, whim date) RETURNS date LANGUAGE sql RETURN whim;
CREATE FUNCTION crm.all_nameless(crm.history, date) RETURNS date LANGUAGE sql RETURN $2;
SELECT set_eq('SELECT * FROM pg_temp.faults()', $$VALUES
	('crm.backwards(double precision,crm.model,double precision)',
	 'model (rules) stands after horizon (far)'),
	('crm.backwards(double precision,crm.model,double precision)', 'level needs a default'),
	('crm.nameless(crm.model,bigint)', 'argument 2 has no name'),
	('crm.unheard(crm.model,date)', 'whim has no class'),
	('crm.all_nameless(crm.history,date)', 'argument 1 has no name'),
	('crm.all_nameless(crm.history,date)', 'argument 2 has no name')$$,
	'a wrong order, a missing default, a missing and an unknown name are found');
SELECT * FROM finish();
ROLLBACK;
