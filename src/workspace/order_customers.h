/*-------------------------------------------------------------------------
 *
 * order_customers.h
 *		Notes for the customers of orders whose lines or refunds changed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_WORKSPACE_ORDER_CUSTOMERS_H
#define CRM_WORKSPACE_ORDER_CUSTOMERS_H

#include "base/crm.h"

#include "workspace/key_set.h"

/*
 * Notes the customers that the orders with these keys have, and locks the rows
 * of the orders. Notes everybody if somebody else keeps an order locked.
 */
extern void note_customers_of_orders(Oid notes, Oid orders, KeySet *keys);

#endif /* CRM_WORKSPACE_ORDER_CUSTOMERS_H */
