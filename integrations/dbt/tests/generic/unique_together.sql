{# No two rows have the same values in these columns. NULL is a value here. #}
{% test unique_together(model, columns) %}
select {{ crm.crm_columns(columns) }}, count(*) as rows
from {{ model }}
group by {{ crm.crm_columns(columns) }}
having count(*) > 1
{% endtest %}
