-- The day of a model without the hook, in the same session as the one above.
{{ config(materialized='table') }}
-- depends_on: {{ ref('day_by_hook') }}
select day from {{ source('crm', 'shown_day') }}
