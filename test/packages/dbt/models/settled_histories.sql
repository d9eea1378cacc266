{{ config(materialized='crm_histories', key='customer_id', settle='10 minutes') }}
select customer_id, ordered_at::date as day, amount, loaded_at
from {{ source('raw', 'orders') }}
