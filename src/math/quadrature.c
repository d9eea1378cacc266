/*-------------------------------------------------------------------------
 *
 * quadrature.c
 *		Integrals of smooth functions.
 *
 * There are two rules, for two kinds of functions:
 *
 *	- Gauss-Legendre, for functions known to be smooth on a known scale. The
 *	  callers use the tables.
 *	- panels of Gauss-Legendre outwards from the peak, for exp(h) with h
 *	  concave. The slope at the far end of a panel is a bound for the whole
 *	  panel, because h is concave. The slope at the end of the last panel is a
 *	  bound for everything beyond it. So both the error of the rule and the
 *	  cut are proven, and no peak is too narrow or too far away.
 *
 * Every loop has a bound. If a value is NaN, or if the function breaks the
 * rules above, the quadrature ends at once and the result is NaN.
 *
 * Pure C, no state.
 *
 *-------------------------------------------------------------------------
 */
#include "math/quadrature.h"

#include <math.h>
#include <stddef.h>

/* From 1 a double overflows after so many doublings, or vanishes. */
#define MAX_DOUBLINGS 1100

/* Of length 3 each: enough for a tail as flat as exp(-y / 1000). */
#define MAX_PANELS 20000

/* More slope for each unit below the peak, where less accuracy will do. */
#define SLACK 0.5
#define NEGLIGIBLE 1e-18

static const double nodes_8[] = {
	0.01985507175123188416, 0.1016667612931866302, 0.2372337950418355071,
	0.4082826787521750975,	0.5917173212478249025, 0.7627662049581644929,
	0.8983332387068133698,	0.9801449282487681158,
};

static const double weights_8[] = {
	0.05061426814518812958, 0.1111905172266872353,	0.1568533229389436437,
	0.1813418916891809915,	0.1813418916891809915,	0.1568533229389436437,
	0.1111905172266872353,	0.05061426814518812958,
};

static const double nodes_16[] = {
	0.005299532504175033702, 0.02771248846338371196, 0.06718439880608412806,
	0.1222977958224984831,	 0.1910618777986781258,	 0.2709916111713863068,
	0.3591982246103705434,	 0.4524937450811812799,	 0.5475062549188187201,
	0.6408017753896294566,	 0.7290083888286136932,	 0.8089381222013218742,
	0.8777022041775015169,	 0.9328156011939158719,	 0.972287511536616288,
	0.9947004674958249663,
};

static const double weights_16[] = {
	0.01357622970587704743, 0.03112676196932394643, 0.0475792558412463924,
	0.06231448562776693603, 0.07479799440828836604, 0.08457825969750126909,
	0.09130170752246179443, 0.09472530522753424814, 0.09472530522753424814,
	0.09130170752246179443, 0.08457825969750126909, 0.07479799440828836604,
	0.06231448562776693603, 0.0475792558412463924,	0.03112676196932394643,
	0.01357622970587704743,
};

const GaussRule gauss_8 = {8, nodes_8, weights_8};
const GaussRule gauss_16 = {16, nodes_16, weights_16};

/* A place, and the slope of the function there. */
typedef struct Slope
{
	double y;
	double slope;
} Slope;

static Slope
slope_at(LogFunction function, void *context, double y)
{
	Slope place = {.y = y};

	function(y, &place.slope, context);
	return place;
}

/*
 * Moves low down and high up, in steps that double, until the peak lies
 * between them or a limit is reached. Both begin at the same place, so at most
 * one of the two loops runs: the slope has one sign there.
 */
static void
bracket_peak(LogFunction function, void *context, double lower, double upper,
			 Slope *low, Slope *high)
{
	double reach = 1.0;
	int doublings = 0;

	for (; low->slope < 0.0 && low->y > lower && doublings < MAX_DOUBLINGS;
		 reach *= 2.0, doublings++)
	{
		*high = *low;
		*low = slope_at(function, context, fmax(low->y - reach, lower));
	}
	for (; high->slope > 0.0 && high->y < upper && doublings < MAX_DOUBLINGS;
		 reach *= 2.0, doublings++)
	{
		*low = *high;
		*high = slope_at(function, context, fmin(high->y + reach, upper));
	}
}

/*
 * A place in [lower, upper] from which exp(function) rises by less than a
 * factor e to its peak. Bisection is enough, because the peak need not be
 * exact: between low and high a concave function rises by at most the
 * difference of the slopes times the distance.
 */
static double
find_peak(LogFunction function, void *context, double start, double lower,
		  double upper)
{
	Slope low = slope_at(function, context, fmax(fmin(start, upper), lower));
	Slope high = low;

	bracket_peak(function, context, lower, upper, &low, &high);
	if (high.slope >= 0.0)
		return high.y;
	for (int i = 0; i < 2 * MAX_DOUBLINGS && low.slope > 0.0 &&
					(low.slope - high.slope) * (high.y - low.y) > 1.0;
		 i++)
	{
		double middle = 0.5 * (low.y + high.y);
		Slope place;

		if (middle <= low.y || middle >= high.y)
			break;
		place = slope_at(function, context, middle);
		if (place.slope >= 0.0)
			low = place;
		else
			high = place;
	}
	return low.y;
}

/*
 * The integral of exp(function - peak_value) over one panel, as a positive
 * number, also for a negative length (a panel to the left of the peak). The
 * peak is subtracted before exp(), so the values lie between 0 and about e and
 * cannot overflow.
 */
static double
panel(LogFunction function, void *context, const GaussRule *rule, double from,
	  double length, double peak_value)
{
	double sum = 0.0;

	for (int j = 0; j < rule->count; j++)
	{
		double y = from + length * rule->nodes[j];

		sum += rule->weights[j] * exp(function(y, NULL, context) - peak_value);
	}
	return fabs(length) * sum;
}

/* The state of the walk from the peak to one end of the integral. */
typedef struct Side
{
	LogFunction function;
	void *context;
	double peak_value; /* of the function, not of its exponential */
	double limit; /* the end of the integral, perhaps infinite */
	double direction; /* -1 to the left of the peak, 1 to the right */
	double from; /* everything between the peak and here is summed */
	double value; /* of the function at the end of the latest panel */
	double slope; /* of the function there */
	double length; /* of the latest panel, positive */
} Side;

/*
 * Returns the end of the next panel. Value and slope of the side become the
 * ones at that end. The panel is halved until the slope at its far end, which
 * is the steepest one of a concave function, satisfies the Gauss rule. NaN if
 * the function is not a number, or if it jumps, so that no panel is short
 * enough.
 */
static double
panel_end(Side *side)
{
	double steepest =
		GAUSS_16_SLOPE + SLACK * fmax(side->peak_value - side->value, 0.0);
	double length = fmin(fmin(2.0 * side->length, GAUSS_16_LENGTH),
						 0.9 * steepest / fabs(side->slope));

	for (int i = 0; i < MAX_DOUBLINGS; i++, length *= 0.5)
	{
		double end = side->from + side->direction * length;

		if ((end - side->limit) * side->direction > 0.0)
			end = side->limit;
		side->length = length;
		side->value = side->function(end, &side->slope, side->context);
		if (isnan(side->value) || isnan(side->slope) || end == side->from)
			return NAN;
		if (!(fabs(side->slope * (end - side->from)) > steepest))
			return end;
	}
	return NAN;
}

/*
 * Sums panels from the peak to the limit, or until the rest is negligible.
 * Beyond a place with the slope s < 0 the integral of exp(h) is at most
 * exp(h) / |s|, because h stays below its tangent. The sum stops when this
 * bound is below NEGLIGIBLE of the sum. NaN if the panels do not end.
 */
static double
integrate_side(LogFunction function, void *context, double peak,
			   double peak_value, double slope, double limit)
{
	Side side = {.function = function,
				 .context = context,
				 .peak_value = peak_value,
				 .limit = limit,
				 .direction = limit < peak ? -1.0 : 1.0,
				 .from = peak,
				 .value = peak_value,
				 .slope = slope,
				 .length = GAUSS_16_LENGTH};
	double sum = 0.0;

	for (int i = 0; i < MAX_PANELS; i++)
	{
		double end;
		bool short_panel;

		if (side.from == limit)
			return sum;
		end = panel_end(&side);
		short_panel = fabs(side.slope * (end - side.from)) <= GAUSS_8_SLOPE &&
					  fabs(end - side.from) <= GAUSS_8_LENGTH;
		sum += panel(function, context, short_panel ? &gauss_8 : &gauss_16,
					 side.from, end - side.from, peak_value);
		if (!isfinite(sum))
			return NAN;
		if (side.slope * side.direction < 0.0 &&
			exp(side.value - peak_value) < NEGLIGIBLE * sum * fabs(side.slope))
			return sum;
		side.from = end;
	}
	return NAN;
}

/*
 * The two sides are summed relative to the same peak value, which is then
 * added to the logarithm. Both sums are positive, so nothing cancels.
 */
double
quadrature_log_concave(LogFunction function, void *context, double start,
					   double lower, double upper)
{
	double peak = find_peak(function, context, start, lower, upper);
	double slope;
	double value = function(peak, &slope, context);

	if (!isfinite(value) || !isfinite(slope))
		return NAN;
	return value +
		   log(integrate_side(function, context, peak, value, slope, lower) +
			   integrate_side(function, context, peak, value, slope, upper));
}
