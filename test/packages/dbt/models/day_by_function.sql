{{ config(materialized='view') }}
select customer_id, recency, revenue
from {{ crm.crm_at('customer_metric', '2025-06-30') }} as metric
