-- An attached workspace of two customers who bought on five days, with their
-- histories stored. The variables say the workspace and the customers.
CREATE TABLE public.bought (who text, day date, amount numeric);
CREATE INDEX ON public.bought (who);
INSERT INTO public.bought SELECT w, date '2025-01-01' + g, 10
  FROM unnest(:'customers'::text[]) w, generate_series(1, 5) g;
SELECT crm.attach(:'workspace', 'public.bought', 'who', 'day', 'amount') \g /dev/null
INSERT INTO :"workspace".customer_history (customer_id, history)
SELECT h.customer_id, h.history FROM :"workspace".purchase_history h;
DELETE FROM :"workspace".everyone_change;
