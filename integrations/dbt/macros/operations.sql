{#
  Maintenance of a workspace, for dbt run-operation:

    dbt run-operation crm_refresh --args '{workspace: shop, full: true}'

  Without a workspace it is that of the variable crm_workspace. Each of them
  runs with the rights of the workspace's owner, whoever calls it. What the
  function answers is logged.
#}

{# Brings the stored histories up to date. #}
{% macro crm_refresh(workspace=none, full=false) %}
  {{ crm.crm_call('refresh', workspace, ['"full" => ' ~ ('true' if full else 'false')]) }}
{% endmacro %}

{# Does all that a workspace needs every night. #}
{% macro crm_maintain(workspace=none) %}
  {{ crm.crm_call('maintain', workspace) }}
{% endmacro %}

{# Freezes the thresholds of scores and classes. #}
{% macro crm_freeze_thresholds(workspace=none, as_of=none) %}
  {{ crm.crm_select('freeze_thresholds', workspace, {'as_of': as_of}) }}
{% endmacro %}

{# Fits the models. #}
{% macro crm_fit(workspace=none, as_of=none, kind=none) %}
  {{ crm.crm_select('fit', workspace, {'as_of': as_of, 'kind': kind}) }}
{% endmacro %}

{# Reviews the tiers of a program, or of all programs. #}
{% macro crm_review_tiers(workspace=none, program=none, as_of=none) %}
  {{ crm.crm_select('review_tiers', workspace, {'program': program, 'as_of': as_of}) }}
{% endmacro %}

{# Reviews the stages of all customers. #}
{% macro crm_review_stages(workspace=none, as_of=none) %}
  {{ crm.crm_select('review_stages', workspace, {'as_of': as_of}) }}
{% endmacro %}

{# Fails if something is wrong with the workspace, and says what. #}
{% macro crm_check(workspace=none) %}
  {% set problems = crm.crm_rows('check_workspace', workspace, {}) %}
  {% if problems %}
    {{ exceptions.raise_compiler_error('crm: ' ~ problems | join('\n')) }}
  {% endif %}
{% endmacro %}

{#
  A procedure commits by itself, so it is called outside a transaction. dbt has
  begun one, and commits it here.
#}
{% macro crm_call(procedure, workspace, arguments=[]) %}
  {% call statement('crm_commit', auto_begin=false) %}commit{% endcall %}
  {% call statement('crm_call', fetch_result=true, auto_begin=false) %}
    {%- set given = [crm.crm_workspace_literal(workspace)] + arguments %}
    call crm.{{ procedure }}({{ given | join(', ') }})
  {% endcall %}
  {% do log('crm.' ~ procedure ~ ': ' ~ load_result('crm_call')['response'], info=true) %}
{% endmacro %}

{# A function with arguments by name. Those that are none keep their defaults. #}
{% macro crm_select(function, workspace, arguments) %}
  {% for row in crm.crm_rows(function, workspace, arguments) %}
    {% do log('crm.' ~ function ~ ': ' ~ row, info=true) %}
  {% endfor %}
  {% do adapter.commit() %}
{% endmacro %}

{% macro crm_rows(function, workspace, arguments) %}
  {% set given = [crm.crm_workspace_literal(workspace)] %}
  {% for name, value in arguments.items() if value is not none %}
    {% set literal = dbt.string_literal(dbt.escape_single_quotes(value | string)) %}
    {% do given.append(name ~ ' => ' ~ literal) %}
  {% endfor %}
  {% call statement('crm_rows', fetch_result=true) %}
    select to_jsonb(f)::text from crm.{{ function }}({{ given | join(', ') }}) as f
  {% endcall %}
  {{ return(load_result('crm_rows')['table'].columns[0].values() | list) }}
{% endmacro %}

{% macro crm_workspace_literal(workspace) %}
  {%- set name = workspace or var('crm_workspace', 'shop') -%}
  {{- return(dbt.string_literal(dbt.escape_single_quotes(name))) -}}
{% endmacro %}
