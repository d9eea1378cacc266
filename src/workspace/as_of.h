/*-------------------------------------------------------------------------
 *
 * as_of.h
 *		The setting crm.as_of: the day that the views of workspaces show.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_WORKSPACE_AS_OF_H
#define CRM_WORKSPACE_AS_OF_H

extern void define_as_of_setting(void);

#endif /* CRM_WORKSPACE_AS_OF_H */
