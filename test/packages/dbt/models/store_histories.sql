-- A key of two columns, two histories, and a number that says when a row came.
{{ config(
    materialized='crm_histories', key=['Store', 'customer_id'], day='ordered on',
    loaded_at='order_id', histories={'history': 'amount', 'profit history': 'profit'}) }}
select store as "Store", customer_id, ordered_at::date as "ordered on", amount, profit, order_id
from {{ source('raw', 'orders') }}
