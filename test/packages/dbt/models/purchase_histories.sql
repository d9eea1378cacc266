-- Histories that each run adds to.
{{ config(materialized='crm_histories', key='customer_id') }}
select customer_id, ordered_at::date as day, amount, loaded_at
from {{ source('raw', 'orders') }}
