{#
  The materialization crm_histories: a table with the purchase history of each
  customer, to which each run adds the purchases that are new.

  The SQL of the model has one row for each purchase: the key of the customer,
  the day (date), the amount (numeric or float8), and when the row was loaded.

    config(materialized='crm_histories', key='customer_id')
    select customer_id, ordered_at::date as day, amount, loaded_at from ...

    key         the column of the customer, or a list of columns
    day         the column of the day (default: day)
    histories   histories and the columns of their amounts
                (default: {'history': 'amount'})
    loaded_at   the column that says when a row came (default: loaded_at). It
                may have any type that grows: a timestamp or a number
    settle      an interval, for example '10 minutes': a row is taken when its
                loaded_at is that old (default: none)

  The table has the key, the histories, and loaded_until: the greatest loaded_at
  that is in the row. A run takes the rows that were loaded after the greatest
  loaded_until of the table. So a run that is repeated adds nothing, and a late
  order is added with its own day. crm.merge gives the same bytes as
  crm.history_agg over all rows, in whatever order the rows came. A row that was
  changed or deleted needs dbt run --full-refresh.
#}
{% materialization crm_histories, adapter='postgres' %}
  {%- set its = crm.crm_histories_config(config) -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set new_relation = make_intermediate_relation(target_relation) -%}
  {%- set old_type = existing.type if existing else 'table' -%}
  {%- set old_relation = make_backup_relation(target_relation, old_type) -%}
  {%- set is_full = existing is none or not existing.is_table or should_full_refresh() -%}

  {{ drop_relation_if_exists(load_cached_relation(new_relation)) }}
  {{ drop_relation_if_exists(load_cached_relation(old_relation)) }}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% if is_full %}
    {% call statement('main') %}
      {{ get_create_table_as_sql(False, new_relation, crm.crm_histories_query(its, sql)) }}
    {% endcall %}
    {% call statement('constraints') %}
      {{ crm.crm_histories_constraints(its, new_relation) }}
    {% endcall %}
    {% if existing is not none %}
      {% do adapter.rename_relation(existing, old_relation) %}
    {% endif %}
    {% do adapter.rename_relation(new_relation, target_relation) %}
    {% do create_indexes(target_relation) %}
  {% else %}
    {# Two runs at once would both add the new rows. #}
    {% call statement('lock') %}
      lock table {{ target_relation }} in share row exclusive mode
    {% endcall %}
    {% call statement('main') %}
      {{ crm.crm_histories_merge(its, sql, target_relation) }}
    {% endcall %}
  {% endif %}

  {% do apply_grants(target_relation, config.get('grants'),
                     should_revoke=should_revoke(existing, is_full)) %}
  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do adapter.commit() %}
  {{ drop_relation_if_exists(old_relation) }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% macro crm_histories_config(config) %}
  {% set key = config.require('key') %}
  {{ return({
    'key': [key] if key is string else key,
    'day': config.get('day', 'day'),
    'histories': config.get('histories', {'history': 'amount'}),
    'loaded_at': config.get('loaded_at', 'loaded_at'),
    'settle': config.get('settle'),
  }) }}
{% endmacro %}

{# The histories of the rows that meet the condition. #}
{% macro crm_histories_query(its, sql, condition='true') %}
  {%- set loaded_at = adapter.quote(its.loaded_at) %}
  select {{ crm.crm_columns(its.key) }},
    {%- for history, amount in its.histories.items() %}
    crm.history_agg({{ adapter.quote(its.day) }}, {{ adapter.quote(amount) }})
      as {{ adapter.quote(history) }},
    {%- endfor %}
    {#- A row without loaded_at would never be taken again: the constraint refuses it. #}
    case when count(*) = count({{ loaded_at }}) then max({{ loaded_at }}) end as loaded_until
  from ({{ sql }}) as purchase
  where ({{ condition }})
  {%- if its.settle %}
    {%- set settle = dbt.string_literal(dbt.escape_single_quotes(its.settle)) %}
    and ({{ loaded_at }} <= now() - {{ settle }}::interval or {{ loaded_at }} is null)
  {%- endif %}
  group by {{ crm.crm_columns(its.key) }}
{% endmacro %}

{% macro crm_histories_merge(its, sql, relation) %}
  {%- set loaded_at = adapter.quote(its.loaded_at) -%}
  {%- set result = run_query('select max(loaded_until)::text from ' ~ relation) -%}
  {%- set last = result.columns[0].values()[0] -%}
  {%- set is_new -%}
    {%- if last is none -%} true
    {%- else -%} {{ loaded_at }} > {{ dbt.string_literal(last) }} or {{ loaded_at }} is null
    {%- endif -%}
  {%- endset -%}
  insert into {{ relation }} as stored
    ({{ crm.crm_columns(its.key + its.histories.keys() | list + ['loaded_until']) }})
  {{ crm.crm_histories_query(its, sql, is_new) }}
  on conflict ({{ crm.crm_columns(its.key) }}) do update set
  {%- for history in its.histories %}
    {%- set column = adapter.quote(history) %}
    {{ column }} = coalesce(crm.merge(stored.{{ column }}, excluded.{{ column }}),
      stored.{{ column }}, excluded.{{ column }}),
  {%- endfor %}
    loaded_until = greatest(stored.loaded_until, excluded.loaded_until)
{% endmacro %}

{# A customer without a key, or a row without loaded_at, is an error. #}
{% macro crm_histories_constraints(its, relation) %}
  alter table {{ relation }} alter column loaded_until set not null
  {%- for column in its.key %}, alter column {{ adapter.quote(column) }} set not null{% endfor %};
  create unique index on {{ relation }} ({{ crm.crm_columns(its.key) }});
  create index on {{ relation }} (loaded_until)
{% endmacro %}

{% macro crm_columns(names) %}
  {%- for name in names %}{{ adapter.quote(name) }}{{ ', ' if not loop.last }}{% endfor -%}
{% endmacro %}
