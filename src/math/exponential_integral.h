/*-------------------------------------------------------------------------
 *
 * exponential_integral.h
 *		The generalized exponential integral of any real order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MATH_EXPONENTIAL_INTEGRAL_H
#define CRM_MATH_EXPONENTIAL_INTEGRAL_H

/*
 * e^z E_n(z), where E_n(z) is the integral of e^(-zu) u^-n over u from 1 to
 * infinity: n >= 1 and real, z > 0. The factor e^z stays in the result because
 * E_n(z) alone is 0 in doubles from z = 745 on. The result lies between
 * 1 / (z + n) and 1 / (z + n - 1) (DLMF 8.19.21).
 */
extern double math_exponential_integral(double n, double z);

/*
 * The same function, given ln z. z itself may be below the smallest double,
 * because the result then depends on z through its logarithm only. e^log_z
 * must not overflow.
 */
extern double math_exponential_integral_of_log(double n, double log_z);

#endif /* CRM_MATH_EXPONENTIAL_INTEGRAL_H */
