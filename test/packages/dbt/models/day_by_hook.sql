-- A view of the workspace as of the day of the run.
{{ config(materialized='table', pre_hook='{{ crm.crm_day() }}') }}
select customer_id, recency, revenue, (select day from {{ source('crm', 'shown_day') }}) as day
from {{ source('crm', 'customer_metric') }}
