/*-------------------------------------------------------------------------
 *
 * exponential_integral.h
 *		The generalized exponential integral of any real order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MATH_EXPONENTIAL_INTEGRAL_H
#define CRM_MATH_EXPONENTIAL_INTEGRAL_H

/* e^z E_n(z), E_n(z) the integral of e^(-zu) u^-n from 1: n >= 1, z > 0 */
extern double math_exponential_integral(double n, double z);

/* The same by ln z, where z may be too small for a double, but not too large.
 */
extern double model_exponential_integral_of_log(double n, double log_z);

#endif /* CRM_MATH_EXPONENTIAL_INTEGRAL_H */
