{#
  The day that views of a workspace show.

  Each model runs in a session of its own, perhaps beside others. on-run-start
  runs in another session, so a setting made there is lost. A pre_hook runs in
  the session and the transaction of the model. SET LOCAL ends with it.
#}

{# crm_day: a pre_hook that sets the day. Empty where no day is named. #}
{% macro crm_day(day=none) %}
  {%- set day = day or var('crm_as_of', '') -%}
  {%- if day -%}
    set local crm.as_of = {{ crm.crm_day_literal(day) }}
  {%- endif -%}
{% endmacro %}

{# crm_at: a view as of a day, for FROM. Without a day it is that of the session. #}
{% macro crm_at(view, day=none, source_name='crm') %}
  {%- set relation = source(source_name, view) -%}
  {%- set day = day or var('crm_as_of', '') -%}
  {{ adapter.quote(relation.schema) }}.{{ adapter.quote(view ~ '_at') }}(
  {%- if day -%} date {{ crm.crm_day_literal(day) }} {%- else -%} crm.as_of() {%- endif -%} )
{%- endmacro %}

{% macro crm_day_literal(day) %}
  {%- if not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', day | string) -%}
    {{ exceptions.raise_compiler_error('crm: "' ~ day ~ '" is no day; write it as 2025-12-31') }}
  {%- endif -%}
  '{{ day }}'
{%- endmacro %}
